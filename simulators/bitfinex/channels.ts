import { FLAGS } from '../../connectors/bitfinex/frames.js'
import type { MarketTrade } from '../../src/simulator/market.js'
import { Delivery } from '../kit/delivery.js'
import type { Precision } from './book-rows.js'
import type { WindowChange } from './book-window.js'
import { CandleSeries } from './candle-series.js'
import type { ChannelSink } from './channel-sink.js'
import type { BitfinexInstrument } from './instrument.js'
import type { ClientRequest } from './requests.js'
import { type SentTrade, spoiltTrade } from './spoilt-trades.js'
import type { BitfinexVenue } from './venue.js'

/** A channel that the venue grants. */
export interface GrantedChannel {
  /** Two requests of one name are the same subscription. */
  readonly name: string
  /** The fields of the ack after `chanId` and `subId`, as JSON without braces. */
  readonly ack: string
  readonly book: boolean
  /** Sends the snapshot and what comes after it. @returns how to stop. */
  begin(sink: ChannelSink): () => void
  /** Of a book: the rows and the whole as last sent. */
  readonly window?: {
    readonly snapshot: () => string
    readonly crossing: () => string
    readonly absent: () => string
  }
}

/** How the venue refuses; null: it says nothing at all. */
export interface Refusal {
  readonly code: number
  readonly msg: string
}

export type Grant = { readonly granted: GrantedChannel } | { readonly refused: Refusal | null }

const LENGTHS = ['1', '25', '100', '250']
const PRECISIONS = ['P0', 'P1', 'P2', 'P3', 'P4', 'R0'] as const

/** Reads what a client subscribes to. */
export function grant(venue: BitfinexVenue, request: ClientRequest): Grant {
  switch (request.channel) {
    case 'trades':
      return forSymbol(venue, request, tradesChannel)
    case 'ticker':
      return forSymbol(venue, request, tickerChannel)
    case 'book':
      return forSymbol(venue, request, bookChannel)
    case 'candles':
      return candlesChannel(venue, request)
    case 'status':
      return statusChannel(venue, request)
    default:
      return refuse('channel: unknown')
  }
}

function forSymbol(
  venue: BitfinexVenue,
  request: ClientRequest,
  channel: (venue: BitfinexVenue, instrument: BitfinexInstrument, request: ClientRequest) => Grant,
): Grant {
  const asked = request.symbol ?? (request.pair === undefined ? '' : `t${request.pair}`)
  // A symbol without its `t` is taken for a pair.
  const instrument = venue.exchange.find(asked) ?? venue.exchange.find(`t${asked}`)
  return instrument === undefined ? refuse('symbol: invalid') : channel(venue, instrument, request)
}

function symbolFields({ id, funding }: BitfinexInstrument): { head: string; rest: string } {
  const rest = funding ? `"currency":"${id.slice(1)}"` : `"pair":"${id.slice(1)}"`
  return { head: `"symbol":"${id}"`, rest }
}

function tradesChannel(venue: BitfinexVenue, instrument: BitfinexInstrument): Grant {
  const { head, rest } = symbolFields(instrument)
  const prefix = instrument.funding ? 'f' : ''
  return {
    granted: {
      name: `trades ${instrument.id}`,
      ack: `${head},${rest}`,
      book: false,
      begin(sink) {
        sink.push(instrument.history(), 'snapshot')
        const delivery = Delivery.ofTrades<SentTrade>(sink.faults)
        const reader = {
          traded(trade: MarketTrade) {
            if (sink.suspended) return
            const row = instrument.tradeRow(trade, venue.exchange.clock.ms(trade.time))
            for (const sent of delivery.pass('', spoiltTrade(row, sink.faults))) {
              sink.push(sent.executed, 'trade', `${prefix}te`)
              sink.later(sink.random(20, 100), () => sink.push(sent.updated, 'trade', `${prefix}tu`))
            }
          },
        }
        instrument.readers.add(reader)
        return () => instrument.readers.delete(reader)
      },
    },
  }
}

function tickerChannel(_venue: BitfinexVenue, instrument: BitfinexInstrument): Grant {
  const { head, rest } = symbolFields(instrument)
  return {
    granted: {
      name: `ticker ${instrument.id}`,
      ack: `${head},${rest}`,
      book: false,
      begin(sink) {
        let sent = instrument.ticker()
        sink.push(sent, 'snapshot')
        const again = () => {
          const now = instrument.ticker()
          if (now !== sent) sink.push(now, 'row')
          sent = now
          sink.later(sink.random(5_000, 15_000), again)
        }
        sink.later(sink.random(5_000, 15_000), again)
        return () => {}
      },
    },
  }
}

function bookChannel(_venue: BitfinexVenue, instrument: BitfinexInstrument, request: ClientRequest): Grant {
  const { prec: asked = 'P0', freq = 'F0', len = '25' } = request
  const prec = PRECISIONS.find((precision) => precision === asked)
  if (prec === undefined) return refuse('precision: invalid')
  if (freq !== 'F0' && freq !== 'F1') return refuse('frequency: invalid')
  if (!LENGTHS.includes(len)) return refuse('length: invalid')
  const { head, rest } = symbolFields(instrument)
  const open = () => instrument.window(prec, Number(len), freq)
  return {
    granted: {
      name: `book ${instrument.id} ${prec} ${freq} ${len}`,
      ack: `${head},"prec":"${prec}","freq":"${freq}","len":"${len}",${rest}`,
      book: true,
      window: {
        snapshot: () => open().snapshot(),
        crossing: () => crossingRow(instrument, prec, open().best('asks')?.set ?? ''),
        absent: () => absentRow(instrument, prec),
      },
      begin: (sink) => beginBook(instrument, prec, Number(len), freq, sink),
    },
  }
}

function beginBook(
  instrument: BitfinexInstrument,
  precision: Precision,
  length: number,
  frequency: string,
  sink: ChannelSink,
): () => void {
  const window = instrument.window(precision, length, frequency)
  let changed = true
  const reader = {
    changed(changes: readonly WindowChange[]) {
      changed = true
      if ((sink.flags & FLAGS.bulk) !== 0) {
        sink.push(`[${changes.map(({ json }) => json).join(',')}]`, 'update')
        return
      }
      for (const { json, signed } of changes) {
        // What no checksum covers could be lost without anybody ever knowing.
        if (!signed || !sink.faults.take('update-lost')) sink.push(json, 'update')
      }
    },
  }
  window.readers.add(reader)
  const first = window.best('bids')
  if (first !== undefined && sink.faults.take('update-before-snapshot')) sink.push(first.set, 'update')
  sink.push(window.snapshot(), 'snapshot')
  const sign = () => {
    if (changed && (sink.flags & FLAGS.checksum) !== 0) {
      const right = window.checksum()
      sink.push(String(sink.faults.take('checksum-wrong') ? ~right : right), 'checksum', 'cs')
      changed = false
    }
    sink.later(sink.random(2_516, 2_694), sign)
  }
  sink.later(sink.random(2_516, 2_694), sign)
  return () => window.readers.delete(reader)
}

/** A bid above the best ask, of the form of its book. */
function crossingRow({ funding }: BitfinexInstrument, precision: Precision, bestAsk: string): string {
  const [first = '0', second = '0', third = '1'] = bestAsk.slice(1, -1).split(',')
  const above = (price: string) => String(Number(price) * 1.01)
  if (precision === 'R0') return funding ? `[1,2,${above(third)},-1]` : `[1,${above(second)},1]`
  return funding ? `[${above(first)},2,1,-1]` : `[${above(first)},1,1]`
}

/** The removal of something that nobody has. */
function absentRow({ funding }: BitfinexInstrument, precision: Precision): string {
  if (precision === 'R0') return funding ? '[1,2,0,-1]' : '[1,0,1]'
  return funding ? '[0.5,999,0,-1]' : '[1e-9,0,1]'
}

function candlesChannel(venue: BitfinexVenue, { key = '' }: ClientRequest): Grant {
  const [, frame = '', symbol = '', periods = ''] =
    /^trade:(\w+):(t[\w:]+|f\w+)(?::([\w:]+))?$/.exec(key) ?? []
  const instrument = venue.exchange.instruments.get(symbol)
  const valid =
    CandleSeries.knows(frame) && instrument !== undefined && instrument.funding === (periods !== '')
  if (!valid || !/^$|^p\d{1,3}$|^a\d{1,3}:p\d{1,3}:p\d{1,3}$/.test(periods)) return refuse('key: invalid')
  return {
    granted: {
      name: `candles ${key}`,
      ack: `"key":"${key}"`,
      book: false,
      begin(sink) {
        const series = instrument.candles(frame, periods)
        sink.push(`[${series.rows().join(',')}]`, 'snapshot')
        const reader = {
          changed(rows: readonly string[]) {
            for (const row of rows) sink.push(row, 'row')
          },
        }
        series.readers.add(reader)
        return () => series.readers.delete(reader)
      },
    },
  }
}

function statusChannel(venue: BitfinexVenue, { key = '' }: ClientRequest): Grant {
  if (key === 'liq:global') return { granted: liquidationsChannel(venue) }
  const [, symbol] = /^deriv:(.+)$/.exec(key) ?? []
  if (symbol === undefined) return refuse('key: invalid')
  const status = venue.statuses.get(symbol)
  // A contract that the venue does not know gets no answer at all.
  if (status === undefined) return { refused: null }
  return {
    granted: {
      name: `status ${key}`,
      ack: `"key":"${key}"`,
      book: false,
      begin(sink) {
        let sent = ''
        const send = () => {
          const row = status.row(venue.exchange.now)
          // Rows were shorter once, and a client must live with it.
          const short = row !== sent && sink.faults.take('status-short')
          sink.push(short ? `${row.split(',').slice(0, 12).join(',')}]` : row, 'row')
          sent = row
          sink.later(1_000, send)
        }
        send()
        return () => {}
      },
    },
  }
}

function liquidationsChannel(venue: BitfinexVenue): GrantedChannel {
  return {
    name: 'status liq:global',
    ack: '"key":"liq:global"',
    book: false,
    begin(sink) {
      const reader = { liquidated: (rows: string) => sink.push(rows, 'row') }
      venue.liquidations.readers.add(reader)
      return () => venue.liquidations.readers.delete(reader)
    },
  }
}

function refuse(msg: string): Grant {
  return { refused: { code: 10_300, msg } }
}

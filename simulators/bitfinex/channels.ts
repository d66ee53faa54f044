import { FLAGS } from '../../connectors/bitfinex/frames.js'
import type { MarketTrade } from '../../src/simulator/market.js'
import type { Precision } from './book-rows.js'
import type { WindowChange } from './book-window.js'
import { CandleSeries } from './candle-series.js'
import type { ChannelLine } from './channel-line.js'
import { FaultyTrades } from './faulty-trades.js'
import type { SimulatedFloor } from './floor.js'
import type { SimulatedInstrument } from './instrument.js'
import type { ClientRequest } from './requests.js'

/** A channel that the venue grants. */
export interface GrantedChannel {
  /** Two requests of one name are the same subscription. */
  readonly name: string
  /** The fields of the ack after `chanId` and `subId`, as JSON without braces. */
  readonly ack: string
  readonly book: boolean
  /** Sends the snapshot and begins to listen. @returns how to stop. */
  begin(line: ChannelLine): () => void
  /** Of a book: the rows and the whole as last told. */
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
export function grant(floor: SimulatedFloor, request: ClientRequest): Grant {
  switch (request.channel) {
    case 'trades':
      return forSymbol(floor, request, tradesChannel)
    case 'ticker':
      return forSymbol(floor, request, tickerChannel)
    case 'book':
      return forSymbol(floor, request, bookChannel)
    case 'candles':
      return candlesChannel(floor, request)
    case 'status':
      return statusChannel(floor, request)
    default:
      return refuse('channel: unknown')
  }
}

function forSymbol(
  floor: SimulatedFloor,
  request: ClientRequest,
  channel: (instrument: SimulatedInstrument, request: ClientRequest) => Grant,
): Grant {
  const asked = request.symbol ?? (request.pair === undefined ? '' : `t${request.pair}`)
  // A symbol without its `t` is taken for a pair.
  const instrument = floor.instruments.get(asked) ?? floor.instruments.get(`t${asked}`)
  return instrument === undefined || instrument.delisted
    ? refuse('symbol: invalid')
    : channel(instrument, request)
}

function symbolFields({ id, funding }: SimulatedInstrument): { head: string; rest: string } {
  const rest = funding ? `"currency":"${id.slice(1)}"` : `"pair":"${id.slice(1)}"`
  return { head: `"symbol":"${id}"`, rest }
}

function tradesChannel(instrument: SimulatedInstrument): Grant {
  const { head, rest } = symbolFields(instrument)
  const prefix = instrument.funding ? 'f' : ''
  return {
    granted: {
      name: `trades ${instrument.id}`,
      ack: `${head},${rest}`,
      book: false,
      begin(line) {
        line.push(instrument.history(), 'snapshot')
        const faulty = new FaultyTrades(line)
        const tell = (trade: MarketTrade) => {
          if (line.suspended) return
          const row = instrument.tradeRow(trade, line.clockOffsetMs)
          for (const told of faulty.told(row)) {
            line.push(told.executed, 'trade', `${prefix}te`)
            line.later(line.random(20, 100), () => line.push(told.updated, 'trade', `${prefix}tu`))
          }
        }
        const reader = { traded: tell }
        instrument.readers.add(reader)
        return () => instrument.readers.delete(reader)
      },
    },
  }
}

function tickerChannel(instrument: SimulatedInstrument): Grant {
  const { head, rest } = symbolFields(instrument)
  return {
    granted: {
      name: `ticker ${instrument.id}`,
      ack: `${head},${rest}`,
      book: false,
      begin(line) {
        let told = instrument.ticker()
        line.push(told, 'snapshot')
        const again = () => {
          const now = instrument.ticker()
          if (now !== told) line.push(now, 'row')
          told = now
          line.later(line.random(5_000, 15_000), again)
        }
        line.later(line.random(5_000, 15_000), again)
        return () => {}
      },
    },
  }
}

function bookChannel(instrument: SimulatedInstrument, request: ClientRequest): Grant {
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
      begin: (line) => beginBook(instrument, prec, Number(len), freq, line),
    },
  }
}

function beginBook(
  instrument: SimulatedInstrument,
  precision: Precision,
  length: number,
  frequency: string,
  line: ChannelLine,
): () => void {
  const window = instrument.window(precision, length, frequency)
  let changed = true
  const reader = {
    changed(changes: readonly WindowChange[]) {
      changed = true
      if ((line.flags & FLAGS.bulk) !== 0) {
        line.push(`[${changes.map(({ json }) => json).join(',')}]`, 'update')
        return
      }
      for (const { json, signed } of changes) {
        // What no checksum covers could be lost without anybody ever knowing.
        if (!signed || !line.takes('update-lost')) line.push(json, 'update')
      }
    },
  }
  window.readers.add(reader)
  const first = window.best('bids')
  if (first !== undefined && line.takes('update-before-snapshot')) line.push(first.set, 'update')
  line.push(window.snapshot(), 'snapshot')
  const sign = () => {
    if (changed && (line.flags & FLAGS.checksum) !== 0) {
      const right = window.checksum()
      line.push(String(line.takes('checksum-wrong') ? ~right : right), 'checksum', 'cs')
      changed = false
    }
    line.later(line.random(2_516, 2_694), sign)
  }
  line.later(line.random(2_516, 2_694), sign)
  return () => window.readers.delete(reader)
}

/** A bid above the best ask, of the form of its book. */
function crossingRow({ funding }: SimulatedInstrument, precision: Precision, bestAsk: string): string {
  const [first = '0', second = '0', third = '1'] = bestAsk.slice(1, -1).split(',')
  const above = (price: string) => String(Number(price) * 1.01)
  if (precision === 'R0') return funding ? `[1,2,${above(third)},-1]` : `[1,${above(second)},1]`
  return funding ? `[${above(first)},2,1,-1]` : `[${above(first)},1,1]`
}

/** The removal of something that nobody has. */
function absentRow({ funding }: SimulatedInstrument, precision: Precision): string {
  if (precision === 'R0') return funding ? '[1,2,0,-1]' : '[1,0,1]'
  return funding ? '[0.5,999,0,-1]' : '[1e-9,0,1]'
}

function candlesChannel(floor: SimulatedFloor, { key = '' }: ClientRequest): Grant {
  const [, frame = '', symbol = '', periods = ''] =
    /^trade:(\w+):(t[\w:]+|f\w+)(?::([\w:]+))?$/.exec(key) ?? []
  const instrument = floor.instruments.get(symbol)
  const valid =
    CandleSeries.knows(frame) && instrument !== undefined && instrument.funding === (periods !== '')
  if (!valid || !/^$|^p\d{1,3}$|^a\d{1,3}:p\d{1,3}:p\d{1,3}$/.test(periods)) return refuse('key: invalid')
  return {
    granted: {
      name: `candles ${key}`,
      ack: `"key":"${key}"`,
      book: false,
      begin(line) {
        const series = instrument.candles(frame, periods)
        line.push(`[${series.rows().join(',')}]`, 'snapshot')
        const reader = {
          changed(rows: readonly string[]) {
            for (const row of rows) line.push(row, 'row')
          },
        }
        series.readers.add(reader)
        return () => series.readers.delete(reader)
      },
    },
  }
}

function statusChannel(floor: SimulatedFloor, { key = '' }: ClientRequest): Grant {
  if (key === 'liq:global') return { granted: liquidationsChannel(floor) }
  const [, symbol] = /^deriv:(.+)$/.exec(key) ?? []
  if (symbol === undefined) return refuse('key: invalid')
  const status = floor.statuses.get(symbol)
  // A contract that the venue does not know gets no answer at all.
  if (status === undefined) return { refused: null }
  return {
    granted: {
      name: `status ${key}`,
      ack: `"key":"${key}"`,
      book: false,
      begin(line) {
        let told = ''
        const tell = () => {
          const row = status.row(floor.now)
          // Rows were shorter once, and a client must live with it.
          const short = row !== told && line.takes('status-short')
          line.push(short ? `${row.split(',').slice(0, 12).join(',')}]` : row, 'row')
          told = row
          line.later(1_000, tell)
        }
        tell()
        return () => {}
      },
    },
  }
}

function liquidationsChannel(floor: SimulatedFloor): GrantedChannel {
  return {
    name: 'status liq:global',
    ack: '"key":"liq:global"',
    book: false,
    begin(line) {
      const reader = { liquidated: (rows: string) => line.push(rows, 'row') }
      floor.liquidationReaders.add(reader)
      return () => floor.liquidationReaders.delete(reader)
    },
  }
}

function refuse(msg: string): Grant {
  return { refused: { code: 10_300, msg } }
}

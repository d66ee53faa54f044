import { exchangeState, exchangeUpdate, summaryUpdate } from '../../schemas/bittrex.js'
import type { Level, Micros } from '../../schemas/events.js'
import type { Channel } from '../../src/connector.js'
import { canonicalDecimal, decoder, positiveDecimal, unsignedDecimal } from '../../src/decode/index.js'
import { DecodeError } from '../../src/errors.js'
import type { SessionKit, Stream } from '../../src/session/index.js'
import { AllMarkets } from './all-markets.js'
import type { Books } from './books.js'
import { instrumentOnWire } from './symbols.js'

const decodeUpdate = decoder(exchangeUpdate)
const decodeState = decoder(exchangeState)
const decodeSummaries = decoder(summaryUpdate)

const SUMMARIES = 'ticker:market_summaries'

/**
 * Hub `c2` (v1.1, planned to end on 2020-09-30 and seen until 2021): read from recordings, never spoken. Books are joined by
 * nonce to the state that the client queried; fills come with the book's changes; summaries tell of every market.
 */
export class HubC2 {
  readonly #kit: SessionKit
  readonly #books: Books
  readonly #allMarkets: AllMarkets

  constructor(kit: SessionKit, books: Books) {
    this.#kit = kit
    this.#books = books
    this.#allMarkets = new AllMarkets(kit, ({ channel }) => channel === SUMMARIES)
  }

  /** The recorded client's `SubscribeToExchangeDeltas` was granted. */
  granted(market: string, at: Micros | null): void {
    for (const channel of ['book', 'trade'] as const) this.#stream(market, channel, at)
  }

  /**
   * One message, its body unpacked.
   * @throws {DecodeError}
   */
  message(method: string, body: string, at: Micros | null): void {
    switch (method) {
      case 'ue':
        this.#update(body, at)
        break
      case 'us':
        this.#summaries(body, at)
        break
      default:
        throw new DecodeError('unknown_message', `hub c2 sent a ${method}, which is not read`, {
          path: [],
          head: body,
        })
    }
  }

  /**
   * The unpacked answer to `QueryExchangeState`.
   * @param asked the market that was asked about, where the answer does not say.
   */
  state(body: string, asked: string | undefined, at: Micros | null): void {
    const { M, N, Z, S, f } = decodeState(body)
    const market = M ?? asked ?? ''
    const book = { bids: Z.map(level), asks: S.map(level) }
    this.#books.snapshot(this.#stream(market, 'book', at), N, book, at)
    const rows = f.map(({ I, P, Q, OT, T }) => fill(I, P, Q, OT, T))
    this.#kit.streams.history(this.#stream(market, 'trade', at), rows, at)
  }

  #update(body: string, at: Micros | null): void {
    const { M, N, Z, S, f } = decodeUpdate(body)
    const delta = { bids: Z.map(change), asks: S.map(change) }
    const fills = f.map(({ FI, R, Q, OT, T }, index) => fill(FI ?? `${N}.${index}`, R, Q, OT, T))
    this.#books.update(this.#stream(M, 'book', at), N, delta, at)
    const trades = this.#stream(M, 'trade', at)
    for (const row of fills) this.#kit.streams.trade(trades, { ...row, sequence: String(N) }, at)
  }

  #summaries(body: string, at: Micros | null): void {
    const { N, D } = decodeSummaries(body)
    if (!this.#allMarkets.take(N, at)) return
    for (const row of D) {
      const fields = {
        last: decimalOrNull(row.l),
        open: decimalOrNull(row.PD),
        high: decimalOrNull(row.H),
        low: decimalOrNull(row.L),
        volume: decimalOrNull(row.V),
        quoteVolume: decimalOrNull(row.m),
        bidPrice: decimalOrNull(row.B),
        askPrice: decimalOrNull(row.A),
        exchangeTime: row.T * 1000,
      }
      this.#kit.streams.ticker(this.#stream(row.M, SUMMARIES, at), fields, at)
    }
  }

  #stream(market: string, channel: Channel, at: Micros | null): Stream {
    const held = this.#kit.streams.get(market, channel)
    if (held !== undefined) return held
    const instrument = instrumentOnWire(market, 'v1', this.#kit.init.instruments)
    if (instrument !== null) return this.#kit.streams.adopt(instrument, channel, at)
    throw new DecodeError('schema_mismatch', `${JSON.stringify(market)} is no market of Bittrex`, {
      path: ['M'],
      head: market,
    })
  }
}

function level({ R, Q }: { readonly R: string; readonly Q: string }): Level {
  return [positiveDecimal(R), unsignedDecimal(Q)]
}

/** Type 1 removes the level, whatever its quantity says. */
function change(row: { readonly TY: string; readonly R: string; readonly Q: string }): Level {
  return row.TY === '1' ? [positiveDecimal(row.R), '0'] : level(row)
}

function fill(id: string, price: string, amount: string, orderType: 'BUY' | 'SELL', ms: number) {
  return {
    id,
    price: positiveDecimal(price),
    amount: unsignedDecimal(amount),
    side: orderType === 'BUY' ? ('buy' as const) : ('sell' as const),
    exchangeTime: ms * 1000,
  }
}

function decimalOrNull(text: string | null): string | null {
  return text === null ? null : canonicalDecimal(text)
}

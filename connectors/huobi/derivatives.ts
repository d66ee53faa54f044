import type * as z from 'zod'
import type { DerivativeEvent, Micros } from '../../schemas/events.js'
import {
  type huobiFunding,
  huobiFundingRates,
  huobiGeneratedFundingRate,
  huobiGeneratedOpenInterest,
  huobiIndexKline,
  huobiOpenInterest,
} from '../../schemas/huobi.js'
import type { HttpResponse } from '../../src/connector.js'
import { checker, readLossless } from '../../src/decode/index.js'
import type { SessionKit, Stream } from '../../src/session/index.js'
import { decimalOrNull } from './decimals.js'
import { type Family, familyOf } from './symbols.js'
import type { Topic } from './topics.js'

const checkIndex = checker(huobiIndexKline)
const checkOpenInterest = checker(huobiOpenInterest)
const checkFundingRates = checker(huobiFundingRates)
const checkGeneratedOpenInterest = checker(huobiGeneratedOpenInterest)
const checkGeneratedFundingRate = checker(huobiGeneratedFundingRate)

/** Open interest is not pushed. */
const POLL_MS = 15_000
/** Funding is asked for with every fourth poll: it moves slowly, and `derivative:funding` has it live. */
const FUNDING_EVERY = 4
/** Streams that are asked for one after the other share the first poll. */
const FIRST_POLL_MS = 200

const ALARM = 'poll derivatives'

const OPEN_INTEREST: Readonly<Record<Exclude<Family, 'spot'>, string>> = {
  futures: '/api/v1/contract_open_interest',
  swap: '/swap-api/v1/swap_open_interest',
  linear: '/linear-swap-api/v1/swap_open_interest',
}
const FUNDING_RATES = {
  swap: '/swap-api/v1/swap_batch_funding_rate',
  linear: '/linear-swap-api/v1/swap_batch_funding_rate',
} as const

type State = Partial<
  Pick<
    DerivativeEvent,
    'markPrice' | 'indexPrice' | 'openInterest' | 'fundingRate' | 'nextFundingTime' | 'predictedFundingRate'
  >
>

/**
 * The state of derivatives, merged from where the venue says it: mark and index price and the estimated rate from the klines
 * of `/ws_index`, open interest and the funding rate over REST. Each message gives an event with all that is known by then.
 */
export class Derivatives {
  readonly #kit: SessionKit
  readonly #states = new Map<Stream, State>()
  /** Calls that failed the last time, and until when they are not made again. */
  readonly #failing = new Map<string, { readonly since: Micros; readonly forMs: number }>()
  #polls = 0

  constructor(kit: SessionKit) {
    this.#kit = kit
  }

  asked(stream: Stream, at: Micros | null): void {
    this.#states.set(stream, this.#states.get(stream) ?? {})
    const { init, alarms } = this.#kit
    if (init.adopt || init.endpoint.rest === null || alarms.has(ALARM)) return
    alarms.set(ALARM, at, FIRST_POLL_MS, (now) => this.#poll(now))
  }

  forget(stream: Stream): void {
    this.#states.delete(stream)
  }

  index(topic: Topic, stream: Stream, value: unknown, text: string, at: Micros | null): void {
    const { tick, ts } = checkIndex(value, text)
    const close = decimalOrNull(tick.close, ['tick', 'close'])
    const change: State =
      topic.detail === 'index'
        ? { indexPrice: close }
        : topic.detail === 'mark_price'
          ? { markPrice: close }
          : { predictedFundingRate: close }
    this.#merge(stream, change, ts * 1000, at)
  }

  /** A row of the notification sockets, on a stream of its own. */
  funding(
    stream: Stream,
    row: z.output<typeof huobiFunding>['data'][number],
    ts: number,
    index: number,
    at: Micros | null,
  ): void {
    this.#kit.streams.derivative(
      stream,
      {
        exchangeTime: (row.funding_time ?? ts) * 1000,
        fundingRate: decimalOrNull(row.funding_rate, ['data', index, 'funding_rate']),
        nextFundingTime: row.settlement_time === null ? null : row.settlement_time * 1000,
        predictedFundingRate: decimalOrNull(row.estimated_rate, ['data', index, 'estimated_rate']),
      },
      at,
    )
  }

  response(response: HttpResponse, at: Micros | null): void {
    const path = pathOf(response.url)
    const openInterest = Object.values(OPEN_INTEREST).some((known) => path.endsWith(known))
    if (!openInterest && !Object.values(FUNDING_RATES).some((known) => path.endsWith(known))) return
    const failure = failureOf(response)
    if (failure !== null) {
      const forMs = this.#kit.streams.refusals.refused(path, failure, at, { firstMs: POLL_MS })
      if (at !== null) this.#failing.set(path, { since: at, forMs })
      return
    }
    this.#failing.delete(path)
    this.#kit.streams.refusals.forget(path)
    const value = readLossless(response.body)
    if (openInterest) this.#openInterest(checkOpenInterest(value, response.body), at)
    else this.#fundingRates(checkFundingRates(value, response.body), at)
  }

  /** A message that Tardis made of the answer over REST: of the contract that its topic names, whatever date its row has. */
  generatedOpenInterest(stream: Stream, value: unknown, text: string, at: Micros | null): void {
    const { data, ts } = checkGeneratedOpenInterest(value, text)
    const id = stream.instrument.instrument
    const index = Math.max(
      0,
      data.findIndex((row) => row.contract_code === id),
    )
    const row = data[index]
    if (row === undefined) return
    const openInterest = decimalOrNull(row.volume, ['data', index, 'volume'])
    this.#merge(stream, { openInterest }, timeOf(ts), at)
  }

  generatedFundingRate(stream: Stream, value: unknown, text: string, at: Micros | null): void {
    const { data, ts } = checkGeneratedFundingRate(value, text)
    const id = stream.instrument.instrument
    const index = Math.max(
      0,
      data.findIndex((row) => row.contract_code === id),
    )
    const row = data[index]
    if (row !== undefined) this.#merge(stream, fundingState(row, index), timeOf(ts), at)
  }

  #openInterest(answer: z.output<typeof huobiOpenInterest>, at: Micros | null): void {
    for (const [index, row] of answer.data.entries()) {
      const stream = this.#streamOf(row.contract_code)
      if (stream === undefined) continue
      const openInterest = decimalOrNull(row.volume, ['data', index, 'volume'])
      this.#merge(stream, { openInterest }, timeOf(answer.ts), at)
    }
  }

  #fundingRates(answer: z.output<typeof huobiFundingRates>, at: Micros | null): void {
    for (const [index, row] of answer.data.entries()) {
      const stream = this.#streamOf(row.contract_code)
      if (stream !== undefined) this.#merge(stream, fundingState(row, index), timeOf(answer.ts), at)
    }
  }

  #merge(stream: Stream, change: State, exchangeTime: Micros | null, at: Micros | null): void {
    const state = { ...this.#states.get(stream), ...change }
    this.#states.set(stream, state)
    this.#kit.streams.derivative(stream, { ...state, exchangeTime }, at)
  }

  #streamOf(contract: string): Stream | undefined {
    const stream = this.#kit.streams.get(contract, 'derivative')
    return stream !== undefined && this.#states.has(stream) ? stream : undefined
  }

  #poll(at: Micros): void {
    if (this.#states.size === 0) return
    const withFunding = this.#polls++ % FUNDING_EVERY === 0
    const contracts = new Map<Exclude<Family, 'spot'>, string[]>()
    for (const { instrument } of this.#states.keys()) {
      const family = familyOf(instrument.instrument)
      if (family === 'spot') continue
      const held = contracts.get(family)
      if (held === undefined) contracts.set(family, [instrument.instrument])
      else held.push(instrument.instrument)
    }
    for (const [family, ids] of contracts) {
      const all = family === 'linear' ? '?business_type=all' : ''
      this.#get(OPEN_INTEREST[family], ids, all, at)
      if (withFunding && family !== 'futures') this.#get(FUNDING_RATES[family], ids, '', at)
    }
    this.#kit.alarms.set(ALARM, at, POLL_MS, (now) => this.#poll(now))
  }

  /** One contract is asked for by name, several by the list of all: one call either way. */
  #get(path: string, ids: readonly string[], all: string, at: Micros): void {
    const { init, sink, alarms } = this.#kit
    const failing = this.#failing.get(path)
    if (failing !== undefined && alarms.elapsedMs(failing.since, at) < failing.forMs) return
    const query = ids.length === 1 ? `?contract_code=${encodeURIComponent(ids[0] ?? '')}` : all
    sink.request({ id: path, method: 'GET', url: `${init.endpoint.rest}${path}${query}` })
  }
}

function fundingState(row: z.output<typeof huobiFundingRates>['data'][number], index: number): State {
  const estimated = decimalOrNull(row.estimated_rate, ['data', index, 'estimated_rate'])
  return {
    fundingRate: decimalOrNull(row.funding_rate, ['data', index, 'funding_rate']),
    nextFundingTime: row.funding_time === null ? null : row.funding_time * 1000,
    ...(estimated === null ? {} : { predictedFundingRate: estimated }),
  }
}

function timeOf(ts: number | null | undefined): Micros | null {
  return ts === null || ts === undefined ? null : ts * 1000
}

function pathOf(url: string): string {
  return url.replace(/[?#].*$/, '').replace(/^\w+:\/\/[^/]*/, '')
}

/** What went wrong; null where the answer is good. The venue says errors with status 200. */
function failureOf(response: HttpResponse): string | null {
  if (response.status === 0) return response.body
  if (response.status < 200 || response.status >= 300) return `HTTP ${response.status}`
  return /"status"\s*:\s*"error"/.test(response.body) ? response.body.slice(0, 200) : null
}

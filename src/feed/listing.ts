import type { MarketType } from '../../schemas/events.js'
import type { HttpRequest, HttpResponse } from '../connector.js'
import { DecodeError, TapewireError } from '../errors.js'
import type { Platform, Timer } from '../platform.js'
import { shownUrl } from '../shown.js'
import { redirection } from '../socket/redirect.js'
import type { VenueLine } from './venue-line.js'

/** Tries of a list that follow each other at the pace of the venue; those after them wait longer each time. */
export const TRIES_AT_ONCE = 3
const RETRY_MS = 5_000
const RETRY_CAP_MS = 300_000
/** The same for an answer that will hardly change: the request itself is refused. */
const REFUSED_RETRY_MS = 60_000
const REFUSED_RETRY_CAP_MS = 600_000

/** Why a list was not read. */
export interface ListingFailure {
  /** What was asked and what came, as a person reads it. */
  readonly reason: string
  /** Whether the same request may be answered later: the network failed, the venue is overloaded or down. */
  readonly passing: boolean
  readonly attempt: number
}

/**
 * Reads one answer of the catalogue into the line's instruments.
 * @returns null where it was read
 */
export function readListing(
  line: VenueLine,
  request: HttpRequest,
  answer: HttpResponse,
  attempt: number,
  listed: (market: MarketType) => void = () => {},
): ListingFailure | null {
  const { status, body } = answer
  const url = shownUrl(request.url)
  if (status < 200 || status >= 300) {
    const passing = status === 0 || status === 429 || status >= 500
    return {
      reason: `${url}: ${status === 0 ? body : `HTTP ${status}${redirection(status, answer.headers, request.url)}`}`,
      passing,
      attempt,
    }
  }
  try {
    for (const instrument of line.connector.catalogue.read(answer) ?? []) {
      line.instruments.add(instrument)
      listed(instrument.market)
    }
    return null
  } catch (error) {
    if (!(error instanceof TapewireError)) throw error
    // A page of something in between in place of the list: the next answer may be the venue's own.
    const passing = error instanceof DecodeError
    return { reason: `${url}: ${error.message}`, passing, attempt }
  }
}

export interface ListingOptions {
  readonly line: VenueLine
  /** Tried in turn: where one does not lead to the venue, another may. */
  readonly ways: readonly Platform[]
  /** One of the venue's lists was read. */
  arrived(): void
  failed(failure: ListingFailure): void
}

/** The lists of instruments of one venue, each asked for until it is there. */
export class Listing {
  readonly #options: ListingOptions
  readonly #missing: Set<HttpRequest>
  readonly #markets = new Set<MarketType>()
  readonly #timers = new Set<Timer>()

  constructor(options: ListingOptions) {
    const { catalogue, endpoints } = options.line.connector
    this.#options = options
    this.#missing = new Set(catalogue.requests(endpoints))
  }

  /** Whether every list of the venue was read. */
  get complete(): boolean {
    return this.#missing.size === 0
  }

  /** Where the venue lists its instruments, for an event that speaks of it. */
  get endpoint(): string {
    const [request] = this.#missing
    return request === undefined ? '' : shownUrl(request.url)
  }

  /** Whether a symbol of such a market is unknown where no list has it. */
  lists(market: MarketType): boolean {
    return this.complete && this.#markets.has(market)
  }

  start(): void {
    for (const request of [...this.#missing]) this.#ask(request, 1)
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  #ask(request: HttpRequest, attempt: number): void {
    const { line, ways } = this.#options
    const way = ways[(attempt - 1) % ways.length]
    line.http(request, (answer) => this.#answered(request, answer, attempt), { way })
  }

  #answered(request: HttpRequest, answer: HttpResponse, attempt: number): void {
    const { line, arrived, failed } = this.#options
    const failure = readListing(line, request, answer, attempt, (market) => this.#markets.add(market))
    if (failure === null) {
      this.#missing.delete(request)
      arrived()
      return
    }
    const { clock } = line.platform
    const timer = clock.after(waitMs(failure, clock.random()), () => {
      this.#timers.delete(timer)
      this.#ask(request, attempt + 1)
    })
    this.#timers.add(timer)
    failed(failure)
  }
}

/** @param chance in [0, 1): clients that were refused together do not come again together. */
function waitMs({ passing, attempt }: ListingFailure, chance: number): number {
  const tries = passing ? attempt - TRIES_AT_ONCE : attempt - 1
  if (tries < 0) return 0
  const [first, cap] = passing ? [RETRY_MS, RETRY_CAP_MS] : [REFUSED_RETRY_MS, REFUSED_RETRY_CAP_MS]
  return Math.min(cap, first * 2 ** Math.min(tries, 20)) * (0.75 + chance / 4)
}

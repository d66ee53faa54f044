import type { MarketType } from '../../schemas/events.js'
import type { Channel, Subscription } from '../connector.js'
import { TapewireError } from '../errors.js'
import type { Platform, Timer } from '../platform.js'
import { noCatalogue } from './catalogue.js'
import { Listing, type ListingFailure } from './listing.js'
import { resolveSubscriptions } from './subscriptions.js'
import type { VenueLine } from './venue-line.js'

/** The list of instruments may take this long before streams are subscribed without it. */
const GRACE_MS = 1_500

/** The name under which `connection` events speak of the list of instruments. */
const CATALOGUE = 'catalogue'

/** Symbols and channels that were asked for and are not all subscribed yet. */
interface Wish {
  /** Those that are not subscribed yet. */
  waiting: readonly string[]
  /** Those that are. */
  subscribed: readonly string[]
  readonly channels: readonly Channel[]
}

export interface WantedStreamsOptions {
  readonly line: VenueLine
  readonly ways: readonly Platform[]
  /** Failures of the list after which nothing more is expected of it. */
  readonly maxAttempts: number
  /** Subscribes those that are not subscribed yet. */
  place(subscriptions: readonly Subscription[]): void
  /** What is subscribed at the venue now. */
  subscribed(): readonly Subscription[]
  /** A list came late and says something else of an instrument: its streams are subscribed anew. */
  replace(stale: readonly Subscription[], fresh: readonly Subscription[]): void
  failed(error: Error): void
  /** Symbols wait for a list that will not come any more, while other streams of the venue are subscribed. */
  hopeless(error: Error): void
}

/**
 * What a user wants of one venue. The venue's list of instruments says which streams that is; where it does not come in time,
 * symbols that follow by rule alone are subscribed without it and the others wait. The list is asked for until it is there,
 * and then corrects what was assumed.
 */
export class WantedStreams {
  readonly #options: WantedStreamsOptions
  readonly #listing: Listing
  #wishes: Wish[] = []
  #grace: Timer | null = null
  /** Whether symbols are subscribed by rule: the grace is over. */
  #byRule = false
  /** The last failure of the list. */
  #failure: ListingFailure | null = null
  /** What was said last of the list; null before anything was. */
  #said: string | null = null
  /** Nothing more is expected of the list. */
  #hopeless = false

  constructor(options: WantedStreamsOptions) {
    const { line, ways } = options
    this.#options = options
    this.#listing = new Listing({
      line,
      ways,
      arrived: () => this.#guarded(() => this.#arrived()),
      failed: (failure) => this.#guarded(() => this.#failed(failure)),
    })
  }

  /** Asks for the list and subscribes what the connector was made with. */
  start(): void {
    const { line } = this.#options
    const { symbols, requested } = line.connector
    this.#guarded(() => {
      if (symbols.length === 0) this.#resolve(symbols, requested)
      this.#wishes.push({ waiting: symbols, subscribed: [], channels: requested })
      if (this.#listing.complete) this.#grant()
      else {
        this.#grace = line.platform.clock.after(GRACE_MS, () => this.#guarded(() => this.#begin()))
        this.#listing.start()
      }
    })
  }

  /**
   * Subscribes further streams; what needs the list waits for it.
   * @throws {UsageError} `unknown_symbol`, `unsupported_channel`, `no_symbols`.
   */
  add(symbols: readonly string[], channels: readonly Channel[]): void {
    if (this.#waiting(symbols).length === 0) {
      this.#options.place(this.#resolve(symbols, channels))
      return
    }
    this.#wishes.push({ waiting: symbols, subscribed: [], channels })
    this.#grant()
    if (this.#byRule) this.#say()
  }

  /** @returns the streams that are meant, of those that need no list */
  remove(symbols: readonly string[], channels: readonly Channel[]): readonly Subscription[] {
    const waiting = new Set(this.#waiting(symbols))
    if (waiting.size === 0) return this.#resolve(symbols, channels)
    for (const wish of [...this.#wishes]) this.#withdraw(wish, waiting, channels)
    return this.#resolve(
      symbols.filter((symbol) => !waiting.has(symbol)),
      channels,
      true,
    )
  }

  /** Whether streams may still be subscribed that are not yet. */
  get pending(): boolean {
    return !this.#hopeless && (this.#grace !== null || this.#lost().length > 0)
  }

  close(): void {
    this.#grace?.cancel()
    this.#grace = null
    this.#listing.close()
  }

  // ── The list ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #arrived(): void {
    this.#correct()
    if (this.#byRule || this.#listing.complete) this.#grant()
    if (!this.#listing.complete) return
    this.#grace?.cancel()
    this.#grace = null
    if (this.#said !== null) this.#note('ready', 'the list of instruments has come')
  }

  #failed(failure: ListingFailure): void {
    const { line, maxAttempts } = this.#options
    this.#failure = failure
    const final = !failure.passing || failure.attempt >= maxAttempts
    if (!final && !this.#byRule) return
    if (!this.#byRule) this.#begin()
    else this.#say()
    const lost = this.#lost()
    this.#hopeless = final
    if (!final || lost.length === 0) return
    const { venue } = line.connector
    const error = noCatalogue(venue, failure.reason, `, and ${lost[0]} does not follow by rule without it`)
    if (this.#options.subscribed().length > 0) this.#options.hopeless(error)
    else this.#options.failed(error)
  }

  /** The list has not come in time: what follows by rule begins without it. */
  #begin(): void {
    this.#grace?.cancel()
    this.#grace = null
    this.#byRule = true
    this.#grant()
    this.#say()
  }

  /** Once for each cause. */
  #say(): void {
    if (this.#listing.complete) return
    const lost = this.#lost()
    const cause = this.#failure?.reason ?? 'no answer yet'
    const shown = lost.length > 3 ? [...lost.slice(0, 3), `${lost.length - 3} more`] : lost
    const waiting = lost.length === 0 ? '' : `, for which ${shown.join(', ')} must wait`
    const reason = `the list of instruments has not come (${cause})${waiting}; it is asked for again`
    if (this.#said === reason) return
    this.#said = reason
    this.#note('refused', reason)
  }

  #note(state: 'refused' | 'ready', reason: string): void {
    const { line } = this.#options
    const { endpoint } = this.#listing
    const attempt = this.#failure?.attempt ?? 1
    const at = line.platform.clock.now()
    line.connectionEvent({ connection: CATALOGUE, state, attempt, endpoint, reason, at })
  }

  /** Contract data that were assumed and announced are put right by an event of their own. */
  #correct(): void {
    const { line, replace, subscribed } = this.#options
    const told = new Set<string>()
    for (const subscription of subscribed()) {
      const assumed = subscription.instrument
      const listed = line.instruments.get(assumed.instrument)
      if (listed === undefined || listed === assumed || told.has(listed.instrument)) continue
      told.add(listed.instrument)
      line.announce(listed)
      if (listed.symbol === assumed.symbol && listed.amountUnit === assumed.amountUnit) continue
      const stale = subscribed().filter(({ instrument }) => instrument === assumed)
      replace(
        stale,
        stale.map(({ channel }) => ({ instrument: listed, channel })),
      )
    }
  }

  // ── Wishes ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Subscribes of each wish what can be. */
  #grant(): void {
    for (const wish of [...this.#wishes]) {
      const waiting = this.#waiting(wish.waiting)
      const known = wish.waiting.filter((symbol) => !waiting.includes(symbol))
      if (waiting.length === 0) {
        this.#wishes = this.#wishes.filter((other) => other !== wish)
        // All of it, so that a channel that none of its symbols has is refused.
        this.#resolve([...wish.subscribed, ...known], wish.channels)
      }
      wish.waiting = waiting
      wish.subscribed = [...wish.subscribed, ...known]
      this.#options.place(this.#resolve(known, wish.channels, true))
    }
  }

  #withdraw(wish: Wish, symbols: ReadonlySet<string>, channels: readonly Channel[]): void {
    const given = wish.waiting.filter((symbol) => symbols.has(symbol))
    const kept = wish.channels.filter((channel) => !channels.includes(channel))
    if (given.length === 0 || kept.length === wish.channels.length) return
    wish.waiting = wish.waiting.filter((symbol) => !symbols.has(symbol))
    this.#wishes = this.#wishes.filter((other) => other.waiting.length > 0)
    if (kept.length > 0) this.#wishes.push({ waiting: given, subscribed: [], channels: kept })
  }

  /** Symbols that only the list can tell. */
  #waiting(symbols: readonly string[]): string[] {
    if (this.#listing.complete) return []
    const { connector, instruments } = this.#options.line
    return symbols.filter(
      (symbol) => instruments.find(symbol) === undefined && connector.guess(symbol) === null,
    )
  }

  #lost(): string[] {
    return this.#wishes.flatMap(({ waiting }) => this.#waiting(waiting))
  }

  /** @param partly other symbols may have the channels that these have not. @default false */
  #resolve(symbols: readonly string[], channels: readonly Channel[], partly = false): Subscription[] {
    const { connector, instruments } = this.#options.line
    const lists = (market: MarketType) => this.#listing.lists(market)
    return resolveSubscriptions({ connector, instruments, lists, partly }, symbols, channels)
  }

  /** What goes wrong in a callback ends the feed. */
  #guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#options.failed(error instanceof Error ? error : new TapewireError('internal', String(error)))
    }
  }
}

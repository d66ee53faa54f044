import { UsageError } from '../errors.js'

/** How much a codec remembers for the next connection. */
export interface KeptLimits {
  /** @default 10_000 */
  readonly maxSubscriptions?: number
  /** Of their names and options together. Bytes of UTF-16. @default 8 MiB */
  readonly maxSubscriptionBytes?: number
}

interface Entry<Command, State> {
  readonly command: Command
  readonly bytes: number
  state: State
}

/** The subscriptions that a codec restores, by their key, in order, with their state. */
export class KeptCommands<Command, State> {
  readonly #entries = new Map<string, Entry<Command, State>>()
  readonly #most: number
  readonly #mostBytes: number
  #bytes = 0

  constructor({ maxSubscriptions = 10_000, maxSubscriptionBytes = 8 * 1024 * 1024 }: KeptLimits = {}) {
    this.#most = maxSubscriptions
    this.#mostBytes = maxSubscriptionBytes
  }

  get commands(): readonly Command[] {
    return [...this.#entries.values()].map(({ command }) => command)
  }

  /**
   * Remembers a subscription; one of the same key is replaced and goes to the end.
   *
   * @param characters how much text it holds.
   * @throws {UsageError} `too_many_subscriptions`; nothing is changed.
   */
  set(key: string, command: Command, characters: number, state: State): void {
    const before = this.#entries.get(key)
    const bytes = (key.length + characters) * 2
    const count = this.#entries.size + (before === undefined ? 1 : 0)
    const total = this.#bytes - (before?.bytes ?? 0) + bytes
    if (count > this.#most || total > this.#mostBytes) {
      throw new UsageError(
        'too_many_subscriptions',
        count > this.#most
          ? `more than ${this.#most} subscriptions; end some, open a second socket, or raise maxSubscriptions`
          : `the subscriptions hold more than ${this.#mostBytes} bytes; end some, or raise maxSubscriptionBytes`,
      )
    }
    this.#entries.delete(key)
    this.#entries.set(key, { command, bytes, state })
    this.#bytes = total
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  get(key: string): { readonly command: Command; state: State } | undefined {
    return this.#entries.get(key)
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    this.#bytes -= entry.bytes
    return this.#entries.delete(key)
  }

  *[Symbol.iterator](): Generator<readonly [key: string, { readonly command: Command; state: State }]> {
    for (const entry of [...this.#entries]) yield entry
  }
}

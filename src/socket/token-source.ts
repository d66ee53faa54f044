import { keepSecret } from '../secrets.js'
import type { PreparedAttempt } from './prepare.js'

/** A token, and how long it holds. */
export interface Token {
  readonly value: string
  /** Milliseconds; null where nothing says so. */
  readonly validForMs: number | null
}

/** A token of which less than this share of its life is left is renewed by the next attempt. */
const RENEW_BELOW = 1 / 4

interface Held {
  readonly token: Token
  readonly gotAtMs: number
}

/**
 * A token that all sockets of one source share: asked for once however many attempts want it, kept while it is good, and asked for
 * anew when it nears its end or the server refused it.
 */
export class TokenSource {
  readonly #fetch: (attempt: PreparedAttempt) => Promise<Token>
  #held: Held | null = null
  #asking: Promise<Held> | null = null

  constructor(fetch: (attempt: PreparedAttempt) => Promise<Token>) {
    this.#fetch = fetch
  }

  /** @returns the token with the life that is left to it. */
  async get(attempt: PreparedAttempt): Promise<Token> {
    if (attempt.refused === 401 || attempt.refused === 403) this.#held = null
    const held = this.#held
    if (held !== null) {
      const left = leftOf(held, attempt.nowMs)
      const whole = held.token.validForMs
      if (left === null || whole === null || left > whole * RENEW_BELOW)
        return { ...held.token, validForMs: left }
    }
    this.#asking ??= this.#ask(attempt)
    const { token } = await this.#asking
    return token
  }

  async #ask(attempt: PreparedAttempt): Promise<Held> {
    try {
      const token = await this.#fetch(attempt)
      // It holds for one connection only: what a venue sends is searched for passwords, not for every token that ever was.
      keepSecret(token.value, Number.POSITIVE_INFINITY)
      this.#held = { token, gotAtMs: attempt.nowMs }
      return this.#held
    } finally {
      this.#asking = null
    }
  }
}

function leftOf({ token, gotAtMs }: Held, nowMs: number): number | null {
  return token.validForMs === null ? null : Math.max(0, token.validForMs - (nowMs - gotAtMs))
}

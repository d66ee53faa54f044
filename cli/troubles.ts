import type { ConnectionEvent, Micros } from '../schemas/events.js'

/** Something that is wrong at the moment. */
export interface Trouble {
  /** Which connection has it: `public#0`. */
  readonly connection: string
  /** Since when. */
  readonly since: Micros
  /** In words. */
  readonly reason: string
}

/** Troubles of one venue that are kept: a venue that refuses each of a thousand streams is known by the first of them. */
const KEPT = 100

/** What a venue's connections say is wrong, until they say that it is over. */
export class Troubles {
  readonly #troubles = new Map<string, Trouble>()

  /**
   * Takes in what a connection says.
   * @returns the trouble where it is new, or of another kind than before; else null.
   */
  take({ connection, state, reason, receiveTime }: ConnectionEvent): Trouble | null {
    switch (state) {
      case 'ready':
        // A stream that is still refused on the new connection is refused again.
        for (const [key, trouble] of this.#troubles) {
          if (trouble.connection === connection) this.#troubles.delete(key)
        }
        return null
      case 'refused':
        return this.#add(`${connection} ${reason}`, connection, receiveTime, reason ?? 'refused')
      case 'reconnecting':
      case 'maintenance':
        return this.#add(connection, connection, receiveTime, reason ?? state)
      case 'closed':
        if (reason !== null) return this.#add(connection, connection, receiveTime, reason)
        this.#troubles.delete(connection)
        return null
      case 'connecting':
      case 'open':
        return null
    }
  }

  values(): Trouble[] {
    return [...this.#troubles.values()]
  }

  #add(key: string, connection: string, at: Micros | null, said: string): Trouble | null {
    const reason = inWords(said.replace(/; next try in \d+ ms$/, '').replace(/\(https?:\/\/\S+: (?=\w)/, '('))
    const known = this.#troubles.get(key)
    if (known === undefined && this.#troubles.size >= KEPT) return null
    const trouble = { connection, since: known?.since ?? at ?? 0, reason }
    this.#troubles.set(key, trouble)
    return known?.reason === reason ? null : trouble
  }
}

/** What the codes of the operating system mean, for one who does not know them. */
const WORDS: readonly (readonly [code: string, words: string])[] = [
  ['ENOTFOUND', 'the host is unknown'],
  ['EAI_AGAIN', 'no name server answers'],
  ['ECONNREFUSED', 'the connection is refused, nothing listens there'],
  ['ECONNRESET', 'the connection was cut by the other side'],
  ['ETIMEDOUT', 'no answer came in time'],
  ['EHOSTUNREACH', 'there is no way to the host'],
  ['ENETUNREACH', 'there is no network'],
]

function inWords(reason: string): string {
  const known = WORDS.find(([code]) => reason.includes(code))
  return known === undefined ? reason : `${known[1]}: ${reason}`
}

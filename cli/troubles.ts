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

/** What the list of instruments is called where a connection is named. */
export const CATALOGUE = 'catalogue'

/** Troubles of one venue that are kept: a venue that refuses each of a thousand streams is known by the first of them. */
const KEPT = 100

/** Connections that are named where several have one cause. */
const NAMED = 3

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
    const known = this.#troubles.get(key)
    // Why the next attempt waits says nothing about why the last one failed.
    if (known !== undefined && /is dialled no more than \d+ times/.test(said)) return null
    const reason = inWords(
      withoutQueries(said.replace(/; next try in \d+ ms$/, '')).replace(/\(https?:\/\/\S+: (?=\w)/, '('),
    )
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

/** A query may be long, and says nothing about a connection that failed. */
function withoutQueries(text: string): string {
  return text.replace(/\b((?:https?|wss?):\/\/[^\s?]+)\?[^\s)]*?(?=:?(?:[\s)]|$))/g, '$1')
}

/** What is behind a reason, whatever was tried when it showed: the list of instruments and a socket fail for the same cause. */
export function causeOf(reason: string): string {
  const text = withoutQueries(reason)
    .replace(
      /^the list of instruments has not come \((.*)\)(?:, for which .* must wait)?; it is asked for again$/s,
      '$1',
    )
    .replace(/^(?:cannot connect to )?(?:https?|wss?):\/\/\S+: /, '')
    .replace(/^\S+ refused the handshake: (\d{3})\b.*?(, which points to .*)?$/s, 'HTTP $1$2')
  const known = WORDS.find(([code]) => text.includes(code))
  if (known === undefined) return text
  const [code, words] = known
  const [, address = ''] = new RegExp(`${code}( [^\\s();,]+)`).exec(text) ?? []
  const [, proxy = ''] = /( through \S+):/.exec(text) ?? []
  return `${words} (${code}${address}${proxy})`
}

/** How a sentence names a connection. */
export function nameOf(connection: string): string {
  return connection === CATALOGUE ? 'list of instruments' : connection
}

/** What is wrong, each cause once, with the connections that have it: `public#0, public#1: the host is unknown (ENOTFOUND x)`. */
export function causeTexts(troubles: readonly Trouble[]): string[] {
  const connections = new Map<string, string[]>()
  for (const { connection, reason } of troubles) {
    const cause = causeOf(reason)
    const known = connections.get(cause)
    if (known === undefined) connections.set(cause, connection === '' ? [] : [nameOf(connection)])
    else known.push(nameOf(connection))
  }
  return [...connections].map(([cause, names]) => {
    const shown = names.length > NAMED ? [...names.slice(0, NAMED), `${names.length - NAMED} more`] : names
    return shown.length === 0 ? cause : `${shown.join(', ')}: ${cause}`
  })
}

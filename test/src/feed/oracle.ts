import type { MarketEvent } from '../../../schemas/events.js'

/**
 * The rules that hold in every stream: no trade twice, no update of a book before its snapshot or after a gap, gaps that open
 * and close in turn, numbers without a hole.
 *
 * @throws {Error} naming the first event that breaks one.
 */
export function oracle(events: readonly MarketEvent[]): void {
  const streams = new Map<
    string,
    { ids: Set<string>; book: 'none' | 'live' | 'suspect'; open: boolean; n: number }
  >()
  for (const event of events) {
    if (!('channel' in event)) continue
    const key = `${event.venue} ${event.channel} ${event.instrument}`
    const stream = streams.get(key) ?? { ids: new Set(), book: 'none', open: false, n: 0 }
    streams.set(key, stream)
    const wrong = (what: string) => new Error(`${what}: ${JSON.stringify(event).slice(0, 300)}`)
    if (event.n !== ++stream.n) throw wrong(`number ${event.n} where ${stream.n} follows`)
    if (event.type === 'gap') {
      if (stream.open === (event.state === 'open')) throw wrong('a gap out of turn')
      stream.open = event.state === 'open'
      if (stream.open && stream.book === 'live') stream.book = 'suspect'
    } else if (event.type === 'book_snapshot' || event.type === 'order_snapshot') {
      if (stream.open) throw wrong('a snapshot in a gap that is not closed')
      stream.book = 'live'
    } else if (event.type === 'book_update' || event.type === 'order_update') {
      if (stream.book !== 'live') throw wrong(`an update of a book that is ${stream.book}`)
    } else if (event.type === 'trade') {
      if (stream.ids.has(event.id)) throw wrong('a trade twice')
      stream.ids.add(event.id)
    }
  }
}

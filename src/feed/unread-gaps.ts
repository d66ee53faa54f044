import type { GapEvent, MarketEvent } from '../../schemas/events.js'
import type { Emission } from '../stream/emissions.js'
import { earlier } from './earlier.js'
import { streamOf } from './stream-of.js'

/** An event that waits, with its place in the feed. */
export interface Waiting extends Emission {
  readonly event: MarketEvent
}

/** Where the gap of a stream stands in the queue: its end is the stream's last event, or its end is still to come. */
interface Place {
  readonly first: { readonly opened: number; readonly closed: number } | null
  readonly open: number | null
}

/**
 * Makes one gap of those of a stream that follow each other with nothing between them: from the first one's beginning to the
 * last one's end. A reader that rests while backlog after backlog is dropped would else have a queue full of gaps.
 */
export function joinGaps(items: readonly Waiting[]): Waiting[] {
  const kept: (Waiting | null)[] = [...items]
  const places = new Map<string, Place>()
  for (const [index, item] of items.entries()) {
    const { event } = item
    if (!('channel' in event)) continue
    const key = streamOf(event)
    if (event.type !== 'gap') {
      places.delete(key)
      continue
    }
    const { first = null, open = null } = places.get(key) ?? {}
    if (event.state === 'open') places.set(key, { first, open: index })
    else if (open === null) places.delete(key)
    else {
      const before = first === null ? null : kept[first.closed]?.event
      if (first === null || before?.type !== 'gap') {
        places.set(key, { first: { opened: open, closed: index }, open: null })
        continue
      }
      kept[first.closed] = null
      kept[open] = null
      kept[index] = { ...item, event: joined(before, event) }
      places.set(key, { first: { opened: first.opened, closed: index }, open: null })
    }
  }
  return kept.filter((item) => item !== null)
}

function joined(before: GapEvent, end: GapEvent): GapEvent {
  const { reason, after } = before
  return { ...end, reason, after, from: earlier(before.from, end.from), healed: before.healed && end.healed }
}

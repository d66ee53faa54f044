import type { Micros } from '../../schemas/events.js'
import type { Channel, Instrument } from '../connector.js'
import type { SessionKit } from '../session/session.js'
import type { Stream } from '../session/stream.js'

/** The stream of a datum or an answer; undefined where nobody wants it, or not any more. */
export type FindStream = (instrument: string, channel: Channel, at: Micros | null) => Stream | undefined

/**
 * Finds streams by what a venue's frames name. In a recording a stream becomes known so; where subscriptions have topics, {@link Topics}
 * does the same.
 *
 * @param byRule an instrument that no listing has shown; null where the id is none. May throw a {@link DecodeError}.
 */
export function streamFinder(
  { init, streams }: SessionKit,
  byRule: (instrument: string) => Instrument | null,
): FindStream {
  return (id, channel, at) => {
    if (!init.adopt) {
      const stream = streams.get(id, channel)
      return stream?.state === 'leaving' ? undefined : stream
    }
    const instrument = init.instruments.get(id) ?? byRule(id)
    return instrument === null ? undefined : streams.adopt(instrument, channel, at)
  }
}

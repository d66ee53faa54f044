import type { Micros } from '../../schemas/events.js'
import type { SessionKit, Stream } from '../../src/session/index.js'
import type { Snapshots } from './snapshots.js'

/** A stream that had no message for this long is compared with what the venue itself says: quiet and dead look the same. */
const AUDIT_AFTER_MS = 60_000
/** The first time comes sooner: a subscription that brings nothing mostly never brought anything. */
const FIRST_AUDIT_AFTER_MS = 5_000
/** A message that the venue's answer has may still be on its way for this long. */
const ON_ITS_WAY_MS = 5_000

/** Sees to it that quiet streams of numbered messages are compared with their REST answers, which tell the number too. */
export class Audits {
  readonly #kit: SessionKit
  readonly #snapshots: Snapshots
  readonly #joined: (stream: Stream) => boolean

  /** @param joined whether a stream is at a number that can be compared. */
  constructor(kit: SessionKit, snapshots: Snapshots, joined: (stream: Stream) => boolean) {
    this.#kit = kit
    this.#snapshots = snapshots
    this.#joined = joined
  }

  /** The stream goes on from here, after a grant or a join. */
  begin(stream: Stream, at: Micros | null): void {
    this.#watch(stream, at, FIRST_AUDIT_AFTER_MS)
  }

  leave(stream: Stream): void {
    this.#kit.alarms.clear(alarmOf(stream))
  }

  /**
   * The venue has sent more than came: what lies between may be on its way.
   *
   * @param dead called where nothing came in time.
   */
  behind(
    stream: Stream,
    at: Micros | null,
    position: () => bigint | null,
    dead: (now: Micros) => void,
  ): void {
    if (this.#kit.init.adopt) return
    const before = position()
    this.#kit.alarms.set(alarmOf(stream), at, ON_ITS_WAY_MS, (now) => {
      if (position() === before) dead(now)
      else this.#watch(stream, now, AUDIT_AFTER_MS)
    })
  }

  /** One alarm a stream, moved only when it goes off: messages are many. */
  #watch(stream: Stream, from: Micros | null, quietMs: number): void {
    if (this.#kit.init.adopt || from === null) return
    this.#kit.alarms.set(alarmOf(stream), from, quietMs, (now) => {
      const heard = Math.max(from, stream.record.lastData ?? from)
      const quiet = this.#kit.alarms.elapsedMs(heard, now) >= quietMs
      if (quiet && this.#joined(stream)) this.#snapshots.ask(stream, 0, now)
      this.#watch(stream, quiet ? now : heard, AUDIT_AFTER_MS)
    })
  }
}

function alarmOf(stream: Stream): string {
  return `audit ${stream.channel} ${stream.instrument.instrument}`
}

import type { MarketEvent, Micros } from '../../schemas/events.js'
import type { Channel, Connector } from '../connector.js'
import type { Emission } from '../stream/emissions.js'
import type { FrameRecord } from './frame-record.js'
import type { Unused } from './unused-frames.js'

/** Options of `playRecording`. */
export interface PlayOptions {
  /** Every venue that the recording may be of. */
  readonly connectors: readonly Connector[]
  /** The venue of the whole recording, by name or alias, where its URLs do not say it. */
  readonly venue?: string | undefined
  /**
   * Called with every event, in order. `record` counts the records of the recording from 1: events of one frame belong
   * together, which without a clock nothing else says. `emission` is where it stands among all events; it is valid during the call.
   */
  readonly onEvent: (event: MarketEvent, record: number, emission: Emission) => void
  /** Stops between two batches of records: `playRecording` then returns what was played so far. */
  readonly signal?: AbortSignal | undefined
}

/** What was played. */
export interface PlayStats {
  /** Records by kind. */
  readonly records: Readonly<Record<FrameRecord['dir'], number>>
  readonly events: number
  /** Frames that gave at least one event of the market. */
  readonly used: number
  /** What was read and could not be used, by cause and stream, the most first. Frames that carry no data are not among it. */
  readonly unused: readonly Unused[]
  /** REST answers that belong to no venue given, and were passed over. */
  readonly unclaimed: number
  /** The venues found, in order of appearance. */
  readonly venues: readonly string[]
  /** The streams that the log shows: granted or refused by an ack, or begun with a datum. */
  readonly streams: readonly PlayedStream[]
  /** The first and the last time of the recording; null where it has no clock. */
  readonly from: Micros | null
  readonly to: Micros | null
  /** Whether it was played to its end. */
  readonly finished: boolean
}

/** A stream that a log shows. */
export interface PlayedStream {
  readonly venue: string
  readonly symbol: string
  readonly instrument: string
  readonly channel: Channel
  /** The first ack or datum in the log; null where there was neither, or the log has no clock. */
  readonly confirmedAt: Micros | null
  /** Why the venue refused it; null where it did not. */
  readonly refused: string | null
}

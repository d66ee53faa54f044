import type { Level } from '../../schemas/events.js'
import type { FaultDesk } from './faults.js'
import type { SimulatedInstrument } from './instruments.js'

/** What a connection needs to know of the topic that it delivers. */
export interface DeliveredTopic {
  readonly topic: { readonly text: string }
  readonly instrument: SimulatedInstrument
}

/** A connection as a topic sees it. */
export interface TopicSubscriber {
  readonly faults: FaultDesk
  send(text: string): void
  /** A delta of a numbered book, with what faults make of it. */
  sendDelta(
    topic: DeliveredTopic,
    bids: Level[],
    asks: Level[],
    text: (bids: Level[], asks: Level[]) => string,
  ): void
  /** A push of trades, with what faults make of it. */
  sendTrade(topic: DeliveredTopic, text: string): void
}

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { venues } from '../../connectors/index.js'
import { type MarketEvent, marketEvent } from '../../schemas/index.js'
import { openRecording, type PlayStats, playRecording } from '../../src/framelog/index.js'

const fixtures = fileURLToPath(new URL('../fixtures/framelog/', import.meta.url))
const cases = fileURLToPath(new URL('../../../shared/cases/', import.meta.url))

/** Whether the inputs that lie beside the checkout are there. */
export const casesAtHand = existsSync(cases)
if (!casesAtHand) console.warn('framelogs: the inputs in ../shared/cases are left out, they are not there')

export interface Played {
  readonly events: readonly MarketEvent[]
  readonly stats: PlayStats
  /** What happened to streams, one line an event: `book_snapshot ETH/USD book`, `gap ETH/USD book joined_late open`. */
  readonly lines: readonly string[]
  of<T extends MarketEvent['type']>(type: T): Extract<MarketEvent, { type: T }>[]
}

export function playFixture(name: string, venue?: string): Promise<Played> {
  return play(fixtures + name, venue)
}

export function playCase(name: string, venue?: string): Promise<Played> {
  return play(cases + name, venue)
}

async function play(path: string, venue: string | undefined): Promise<Played> {
  const events: MarketEvent[] = []
  const recording = await openRecording([path])
  const stats = await playRecording(recording.records(), {
    connectors: venues.map(({ connector }) => connector({})),
    venue,
    onEvent: (event) => void events.push(marketEvent.parse(event)),
  })
  return {
    events,
    stats,
    lines: events.flatMap((event) => ('symbol' in event ? [lineOf(event)] : [])),
    of: (type) => events.filter((event): event is never => event.type === type),
  }
}

function lineOf(event: Extract<MarketEvent, { symbol: string }>): string {
  const { type, symbol, channel } = event
  const gap = type === 'gap' ? ` ${event.reason} ${event.state}` : ''
  return `${type} ${symbol} ${channel}${gap}`
}

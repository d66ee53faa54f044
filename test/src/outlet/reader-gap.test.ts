import { expect, test } from 'vitest'
import type { GapEvent, MarketEvent, StreamEvent, TradeEvent } from '../../../schemas/events.js'
import { Outlet } from '../../../src/outlet/outlet.js'
import { EmittedStream } from '../../../src/stream/emitted-stream.js'

const NAME = { venue: 'toy', symbol: 'BTC/USD', instrument: 'BTCUSD', channel: 'trade' } as const

/** A trade by its id, which happened and came at these moments. */
function trade(id: string, exchangeTime: number, receiveTime: number, historical = false): TradeEvent {
  return {
    type: 'trade',
    ...NAME,
    n: 0,
    exchangeTime,
    receiveTime,
    sequence: null,
    id,
    price: '1',
    amount: '1',
    amountUnit: 'base',
    side: 'buy',
    liquidation: false,
    historical,
  }
}

function gap(fields: Pick<GapEvent, 'state' | 'from' | 'to' | 'healed'>, receiveTime: number): GapEvent {
  const reason = 'disconnected' as const
  return {
    type: 'gap',
    ...NAME,
    n: 0,
    exchangeTime: null,
    receiveTime,
    reason,
    after: null,
    before: null,
    detail: null,
    ...fields,
  }
}

/** One trade stream, and a reader that keeps one event of what it is too slow for. */
function stage() {
  const stream = new EmittedStream(false)
  const outlet = new Outlet(
    { limit: 2, maxBytes: 1_000_000, policy: 'drop-oldest' },
    {
      epoch: () => 'epoch',
      full: () => {},
      drained: () => {},
      streams: () => [{ ...NAME, stream }],
      image: () => null,
      failed: (error) => {
        throw error
      },
    },
  )
  const reader = outlet.open({})
  const emit = (...events: StreamEvent[]) => {
    for (const event of events) {
      stream.emit(event)
      outlet.push(event, stream, event.receiveTime)
    }
  }
  const rest = async (): Promise<MarketEvent[]> => {
    outlet.end(null)
    const events: MarketEvent[] = []
    for await (const event of reader) events.push(event)
    return events
  }
  return { emit, reader, rest }
}

const OPEN = gap({ state: 'open', from: 10, to: null, healed: false }, 11)
const CLOSED = gap({ state: 'closed', from: 10, to: 40, healed: true }, 40)

test.each([
  ['the hole was read', true],
  ['nothing was read of the hole', false],
])("a reader's gap ends no earlier than what it missed of it came (%s)", async (_which, readsHole) => {
  const { emit, reader, rest } = stage()
  emit(trade('1', 9, 10))
  await reader.next()
  emit(OPEN)
  if (readsHole) expect((await reader.next()).value).toMatchObject({ type: 'gap', state: 'open' })
  // History is ahead of the stream: trade 4 comes with it, before trade 3, which came earlier and waited.
  emit(trade('2', 15, 40, true), CLOSED, trade('4', 30, 40, true), trade('3', 25, 30))
  const events = await rest()
  const end = events.at(-2)
  expect(events.at(-1)).toMatchObject({ type: 'trade', id: '3', receiveTime: 30 })
  expect(end).toMatchObject({ type: 'gap', state: 'closed', n: null, healed: false, from: 10 })
  expect(end).toMatchObject({ receiveTime: 40, to: 40, before: { n: 6, receiveTime: 30 } })
})

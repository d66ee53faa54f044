import { describe, expect, it } from 'vitest'
import type { MarketEvent } from '../../../schemas/events.js'
import { huobiSimulator } from '../../../simulators/huobi/simulator.js'
import type { Channel } from '../../../src/connector.js'
import { VirtualLine } from './virtual-line.js'

/** What a user sees of a fault, apart from the data: kinds of events, each once. */
function disclosed(events: readonly MarketEvent[]): string[] {
  const seen = new Set<string>()
  for (const event of events) {
    if (event.type === 'gap') seen.add(`gap ${event.reason} ${event.channel}`)
    if (event.type === 'malformed') seen.add(`malformed ${event.reason}`)
    if (event.type === 'connection') seen.add(`${event.state} ${event.reason}`)
  }
  return [...seen].sort()
}

/** The streams that a fault may strike, each on a socket of its own. */
const STREAMS = {
  spot: ['BTC/USDT', 'trade'],
  feed: ['BTC/USDT', 'book'],
  linear: ['BTC/USDT:USDT', 'book'],
  swap: ['BTC/USD:BTC', 'trade'],
  'linear-notification': ['BTC/USDT:USDT', 'instrument'],
} as const satisfies { [endpoint: string]: readonly [string, Channel] }

type Socket = keyof typeof STREAMS

const SEQUENCE = ['gap sequence book']

/**
 * Every fault that the simulator commits, on each socket where it fits, and what is disclosed of it. Where the list is
 * empty the fault does no harm: the protocol proves that nothing was lost or the next frame says all.
 */
const FAULTS: readonly (readonly [name: string, socket: Socket, discloses: readonly string[]])[] = [
  ['ack-missing', 'feed', []],
  ['ack-missing', 'linear', []],
  ['ack-late', 'feed', []],
  ['ack-late', 'swap', []],
  ['ack-then-silence', 'linear', []],
  ['ack-then-silence', 'feed', ['gap stale book']],
  ['ack-error', 'spot', ['refused trade of BTC/USDT: invalid topic market.btcusdt.trade.detail']],
  [
    'limit-error',
    'spot',
    ['refused market.btcusdt.trade.detail: 429 too many request topic is market.btcusdt.trade.detail'],
  ],
  ['snapshot-twice', 'feed', []],
  ['snapshot-twice', 'linear', []],
  ['update-before-snapshot', 'linear', []],
  ['sequence-skipped', 'feed', SEQUENCE],
  ['sequence-skipped', 'linear', SEQUENCE],
  ['sequence-repeated', 'feed', []],
  ['sequence-repeated', 'linear', []],
  ['sequence-backwards', 'feed', SEQUENCE],
  ['sequence-backwards', 'linear', SEQUENCE],
  ['sequence-reset', 'feed', SEQUENCE],
  ['sequence-reset', 'linear', SEQUENCE],
  ['level-unknown', 'feed', []],
  ['level-unknown', 'linear', []],
  ['book-crossed', 'feed', ['gap crossed book']],
  ['book-crossed', 'linear', ['gap crossed book']],
  ['trade-duplicate', 'spot', []],
  ['trade-order', 'swap', []],
  ['id-long', 'spot', []],
  ['id-long', 'swap', []],
  ['price-null', 'spot', ['malformed schema_mismatch']],
  ['price-nan', 'swap', ['malformed not_json']],
  ['price-exponent', 'swap', []],
  ['field-new', 'spot', []],
  ['field-missing', 'spot', ['malformed schema_mismatch']],
  ['snapshot-null', 'feed', []],
  ['snapshot-refused', 'feed', ['refused market.btcusdt.mbp.150: invalid topic market.btcusdt.mbp.150']],
  ['snapshot-never', 'feed', []],
  ['snapshot-stale', 'feed', []],
  ['book-one-sided', 'linear', []],
  ['book-null-sides', 'linear', []],
  ['trade-no-side', 'swap', []],
  ['message-unknown', 'feed', ['malformed unknown_message']],
  ['message-unknown', 'linear-notification', ['malformed unknown_message']],
  ['heartbeat-missing', 'feed', []],
  ['reconnect-notice', 'linear-notification', ['gap disconnected instrument']],
]

/** Faults of a subscribe or of the first book strike before the stream is asked for. */
const BEFORE =
  /^ack-|^limit-|^snapshot-(?:null|never|stale|refused)$|^snapshot-twice$|^update-before|^book-(?:one|null)/

describe('a fault of the venue', () => {
  it.each(FAULTS)('%s on %s discloses %j', (name, socket, discloses) => {
    const line = new VirtualLine(huobiSimulator({ seed: 11 }))
    const [symbol, channel] = STREAMS[socket]
    // A sibling opens the socket, and shows that it is not disturbed.
    const sibling =
      socket === 'linear-notification'
        ? 'ETH/USDT:USDT'
        : symbol.replace('BTC', 'ETH').replace(':BTC', ':ETH')
    line.subscribe(sibling, channel)
    line.advance(1_000)
    if (!BEFORE.test(name)) line.subscribe(symbol, channel)
    line.advance(2_000)
    const begun = line.events.length
    expect(line.fault(socket, name)).toBe(true)
    if (BEFORE.test(name)) line.subscribe(symbol, channel)
    line.advance(35_000)
    expect(disclosed(line.events.slice(begun))).toEqual(discloses)
    // Every hole that opens closes again, healed, before the next one opens on its stream.
    for (const id of new Set(line.of('gap').map(({ instrument }) => instrument))) {
      const gaps = line.of('gap').filter(({ instrument }) => instrument === id)
      expect(gaps.length % 2).toBe(0)
      for (const [index, { state, healed }] of gaps.entries()) {
        expect([state, healed]).toEqual(index % 2 === 0 ? ['open', false] : ['closed', true])
      }
    }
    if (channel === 'book') {
      expect(settled(line, symbol)).toBe(true)
      expect(settled(line, sibling)).toBe(true)
    }
    const ids = line.of('trade').map(({ instrument, id }) => `${instrument} ${id}`)
    expect(new Set(ids).size).toBe(ids.length)
    if (channel === 'trade' && name !== 'ack-error') {
      const last = line
        .of('trade')
        .filter((trade) => trade.symbol === symbol)
        .at(-1)
      expect(line.now - (last?.receiveTime ?? 0)).toBeLessThan(2_000_000)
    }
  })

  /** Whether the book becomes the true one within a second. */
  function settled(line: VirtualLine, symbol: string): boolean {
    const { instrument } = line.instrument(symbol)
    const truth = line.simulator.markets.get(instrument)?.book
    for (let turn = 0; turn < 100; turn++) {
      line.advance(10)
      const book = line.book(instrument)
      if (book.state === 'live' && JSON.stringify(book.top(1_000)) === JSON.stringify(truth?.top(1_000)))
        return true
    }
    return false
  }

  it('of the whole venue strikes whoever takes the next message', () => {
    const line = new VirtualLine(huobiSimulator({ seed: 12 }))
    line.subscribe('BTC/USDT', 'book')
    line.advance(3_000)
    expect(line.simulator.fault('sequence-skipped', line.now)).toBe(true)
    expect(line.simulator.fault('sequence-skipped', line.now)).toBe(true)
    line.advance(3_000)
    expect(line.of('gap').filter(({ state }) => state === 'open').length).toBeGreaterThan(0)
    expect(line.simulator.fault('message-unknown', line.now)).toBe(true)
    expect(line.simulator.fault('heartbeat-missing', line.now)).toBe(true)
    expect(line.simulator.fault('checksum-wrong', line.now)).toBe(false)
    expect(line.fault('feed', 'clock-off')).toBe(false)
    line.advance(65_000)
    expect(line.closes).toEqual([])
    expect(disclosed(line.events)).toEqual(['gap sequence book', 'malformed unknown_message'])
  })

  it('that silences every market but one leaves that one alone, and the rest comes back', () => {
    const line = new VirtualLine(huobiSimulator({ seed: 13 }))
    line.subscribe('BTC/USDT', 'book')
    line.subscribe('ETH/USDT', 'book')
    line.advance(4_000)
    expect(line.simulator.fault('silent-but-one', line.now)).toBe(true)
    const at = line.now
    line.advance(40_000)
    const silent = line
      .of('book_update')
      .filter(({ instrument, receiveTime }) => instrument === 'ethusdt' && (receiveTime ?? 0) > at + 200_000)
    expect((silent[0]?.receiveTime ?? 0) - at).toBeGreaterThan(29_000_000)
    expect([line.of('gap'), line.closes]).toEqual([[], []])
    expect(settled(line, 'ETH/USDT')).toBe(true)
  })

  it('that puts its clock an hour off shows in the times of the venue alone', () => {
    const line = new VirtualLine(huobiSimulator({ seed: 14 }))
    line.subscribe('BTC/USDT', 'quote')
    line.advance(1_000)
    line.simulator.fault('clock-off', line.now)
    line.advance(1_000)
    const quote = line.of('quote').at(-1)
    expect((quote?.exchangeTime ?? 0) - (quote?.receiveTime ?? 0)).toBeGreaterThan(3_590_000_000)
    expect(line.closes).toEqual([])
  })

  it('that takes the notification sockets into maintenance is a planned pause', () => {
    const line = new VirtualLine(huobiSimulator({ seed: 15 }))
    line.subscribe('BTC/USDT:USDT', 'derivative:funding')
    line.advance(1_000)
    expect(line.simulator.fault('maintenance', line.now)).toBe(true)
    line.advance(30_000)
    expect(
      line.of('connection').some(({ state, reason }) => state === 'maintenance' && reason?.includes('1006')),
    ).toBe(true)
    const last = line.of('derivative').at(-1)
    expect(line.now - (last?.receiveTime ?? 0)).toBeLessThan(6_000_000)
  })

  it.each([
    ['BTC/USDT', 'feed'],
    ['BTC/USDT:USDT', 'linear'],
  ] as const)('that keeps an update of %s back under right numbers leaves no trace', (symbol, socket) => {
    const line = new VirtualLine(huobiSimulator({ seed: 16 }))
    line.subscribe(symbol, 'book')
    line.advance(3_000)
    const { instrument } = line.instrument(symbol)
    const truth = line.simulator.markets.get(instrument)
    if (truth === undefined) throw new Error(`no market ${instrument}`)
    expect(line.fault(socket, 'update-lost')).toBe(true)
    line.advance(110)
    truth.frozen = true
    line.advance(2_000)
    expect(JSON.stringify(line.book(instrument).top(1_000))).not.toBe(JSON.stringify(truth.book.top(1_000)))
    truth.frozen = false
    line.advance(5_000)
    expect(line.of('gap')).toEqual([])
    expect(line.book(instrument).state).toBe('live')
  })

  it('that keeps a trade back leaves no trace', () => {
    const line = new VirtualLine(huobiSimulator({ seed: 17 }))
    line.subscribe('BTC/USDT', 'trade')
    line.advance(3_000)
    expect(line.fault('spot', 'trade-lost')).toBe(true)
    line.advance(3_000)
    const ids = line.of('trade').map(({ id }) => Number(id))
    expect(Math.max(...ids) - Math.min(...ids) + 1).toBeGreaterThan(ids.length)
    expect(line.of('gap')).toEqual([])
  })

  it('that puts its clock an hour off leaves the times before it, and the order of what was missed', () => {
    const line = new VirtualLine(huobiSimulator({ seed: 18 }))
    line.subscribe('BTC/USDT', 'trade')
    line.advance(5_000)
    line.incoming = () => false
    line.advance(1_500)
    line.simulator.fault('clock-off', line.now)
    const at = line.now
    line.advance(1_500)
    line.incoming = () => true
    line.cut('spot')
    line.advance(3_000)
    const missed = line.of('trade').filter(({ historical }) => historical)
    const ids = missed.map(({ id }) => Number(id))
    expect(ids).toEqual([...ids].sort((a, b) => a - b))
    const early = missed.filter(({ exchangeTime }) => (exchangeTime ?? 0) <= at)
    const late = missed.filter(({ exchangeTime }) => (exchangeTime ?? 0) > at + 3_590_000_000)
    expect([early.length > 0, late.length > 0, early.length + late.length]).toEqual([
      true,
      true,
      missed.length,
    ])
    expect(line.of('gap').map(({ healed }) => healed)).toEqual([false, true])
  })

  it('every fault that the simulator names is tried here', () => {
    const tried = new Set<string>(FAULTS.map(([name]) => name))
    for (const name of ['clock-off', 'silent-but-one', 'maintenance', 'instrument-delisted']) tried.add(name)
    for (const name of ['update-lost', 'trade-lost']) tried.add(name)
    expect(huobiSimulator().faults.filter((name) => !tried.has(name))).toEqual([])
  })
})

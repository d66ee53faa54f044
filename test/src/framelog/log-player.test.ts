import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { marketEvent } from '../../../schemas/event-schemas.js'
import type { MarketEvent } from '../../../schemas/events.js'
import type { Connector } from '../../../src/connector.js'
import {
  type FrameRecord,
  openRecording,
  type PlayStats,
  playRecording,
  type RecordingRecord,
  type RestRecord,
} from '../../../src/framelog/index.js'
import { fakeVenue } from './fake-venue.js'
import { cleanUp, tempLog } from './temp-log.js'

cleanUp()

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/framelog/${name}`, import.meta.url))
const url = 'wss://ws.alpha.example/v1'
const open = (t: number | null, conn = 0, at = url, more = {}): FrameRecord => ({
  dir: 'open',
  t,
  conn,
  url: at,
  ...more,
})
const frame = (t: number | null, data: object | string, conn = 0): FrameRecord => ({
  dir: 'in',
  t,
  conn,
  data: typeof data === 'string' ? data : JSON.stringify(data),
})
const close = (t: number | null, conn = 0): FrameRecord => ({ dir: 'close', t, conn, code: 1006 })
const trade = (id: string, price = '1', s = 'BTCUSD') => ({ s, trade: [id, price, '2'] })
const rest = (t: number | null, at: string, body = '[]', headers = {}): RestRecord => ({
  dir: 'rest',
  t,
  url: at,
  status: 200,
  body,
  headers,
})
const list = (t: number | null, host = 'api.alpha.example') =>
  rest(t, `https://${host}/instruments`, '["BTCUSD"]')

interface Played {
  readonly events: MarketEvent[]
  readonly stats: PlayStats
  of<T extends MarketEvent['type']>(type: T): Extract<MarketEvent, { type: T }>[]
}

async function play(
  records: readonly RecordingRecord[],
  connectors: readonly Connector[] = [fakeVenue('alpha')],
  venue?: string,
): Promise<Played> {
  const events: MarketEvent[] = []
  const stats = await playRecording([records], {
    connectors,
    venue,
    onEvent: (event) => void events.push(event),
  })
  for (const event of events) marketEvent.parse(event)
  return { events, stats, of: (type) => events.filter((event): event is never => event.type === type) }
}

async function playFiles(
  paths: readonly string[],
  connectors?: readonly Connector[],
  venue?: string,
): Promise<Played> {
  const records: RecordingRecord[] = []
  for await (const batch of (await openRecording(paths)).records()) records.push(...batch)
  return play(records, connectors, venue)
}

describe('a log that is played', () => {
  test('gives the events of its frames, at the times of the log, and what its connections did', async () => {
    const { events, stats } = await play([
      open(10, 0, `${url}?token=secret`),
      frame(11, { s: 'BTCUSD', ack: 'book' }),
      frame(12, { s: 'BTCUSD', book: { bids: [['99', '1']], asks: [['101', '2']] } }),
      { dir: 'in', t: 13, conn: 0, data: gzipSync(JSON.stringify(trade('7', '100'))) },
      close(14),
    ])
    expect(events).toMatchObject([
      { type: 'connection', state: 'open', connection: 'public#0', endpoint: url, receiveTime: 10 },
      { type: 'book_snapshot', receiveTime: 12, bids: [['99', '1']], asks: [['101', '2']] },
      { type: 'trade', receiveTime: 13, id: '7', price: '100' },
      { type: 'gap', channel: 'book', state: 'open', reason: 'disconnected', from: 12 },
      { type: 'gap', channel: 'trade', state: 'open', reason: 'disconnected', from: 13 },
      { type: 'connection', state: 'closed', receiveTime: 14 },
    ])
    expect(stats).toEqual({
      records: { open: 1, in: 3, out: 0, rest: 0, close: 1 },
      events: 6,
      used: 2,
      unused: [],
      unclaimed: 0,
      venues: ['alpha'],
      streams: [
        {
          venue: 'alpha',
          symbol: 'BTC/USD',
          instrument: 'BTCUSD',
          channel: 'book',
          confirmedAt: 11,
          refused: null,
        },
        {
          venue: 'alpha',
          symbol: 'BTC/USD',
          instrument: 'BTCUSD',
          channel: 'trade',
          confirmedAt: 13,
          refused: null,
        },
      ],
      from: 10,
      to: 14,
      finished: true,
    })
  })

  test('is adopted: the session is shown what the recorded client sent, and its own wishes come to nothing', async () => {
    const alpha = fakeVenue('alpha')
    await play([open(1, 0, `${url}?a=1`), { dir: 'out', t: 2, conn: 0, data: 'subscribe' }], [alpha])
    expect(alpha.told.sent).toEqual(['subscribe'])
    expect(alpha.told.sessions).toEqual([
      {
        adopt: true,
        connection: 'public#0',
        url: `${url}?a=1`,
        endpoint: { name: 'public', url, rest: 'https://api.alpha.example' },
      },
    ])
  })

  test('says which events came of one frame, which without a clock nothing else tells', async () => {
    const records: number[] = []
    const both = { s: 'BTCUSD', book: { bids: [], asks: [] }, trade: ['1', '2', '3'] }
    await playRecording(
      [[open(null), frame(null, both), frame(null, { s: 'BTCUSD' }), frame(null, trade('2'))]],
      {
        connectors: [fakeVenue('alpha')],
        onEvent: (_, record) => void records.push(record),
      },
    )
    expect(records).toEqual([1, 2, 2, 4])
  })

  test('gives the same events byte for byte each time', async () => {
    const records = [
      list(1),
      open(1),
      ...Array.from({ length: 200 }, (_, at) =>
        frame(10 + at * 7, at % 3 === 0 ? { s: 'BTCUSD', wake: `${at % 5}` } : trade(`${at}`, `${at}.5`), 0),
      ),
    ]
    const first = await play(records)
    const second = await play(records)
    expect(JSON.stringify(first.events)).toBe(JSON.stringify(second.events))
    expect(first.events.length).toBeGreaterThan(130)
  })

  test('without a clock gives events without a receive time', async () => {
    const { events, stats } = await play([open(null), frame(null, { ...trade('1'), wake: '5' }), close(null)])
    expect(events.map(({ receiveTime }) => receiveTime)).toEqual(events.map(() => null))
    expect(events.map(({ type }) => type)).toEqual(['connection', 'trade', 'gap', 'connection'])
    expect(stats).toMatchObject({ from: null, to: null })
  })

  test('ends without a gap: the end of a recording is no disconnect', async () => {
    const { events } = await play([open(1), frame(2, trade('1')), { dir: 'lost', t: 2, conn: 0 }])
    expect(events.map(({ type }) => type)).toEqual(['connection', 'trade'])
  })

  test('a frame that does not fit is a malformed event, and the log goes on', async () => {
    const { events } = await play([
      open(1),
      frame(2, '{"s":true}'),
      frame(3, 'nonsense'),
      frame(4, trade('1')),
    ])
    expect(events.slice(1)).toMatchObject([
      { type: 'malformed', reason: 'schema_mismatch', path: 's', connection: 'public#0' },
      { type: 'malformed', reason: 'not_json', head: 'nonsense' },
      { type: 'trade' },
    ])
  })

  test('counts what could not be used, by cause and by stream', async () => {
    const { stats } = await play([
      open(1),
      frame(2, 'nonsense'),
      frame(3, { s: 'BTCUSD', delta: { bids: [['1', '1']], asks: [] } }),
      frame(4, { s: 'BTCUSD', delta: { bids: [['1', '2']], asks: [] } }),
      frame(5, { s: 'ETHUSD', delta: { bids: [['1', '1']], asks: [] } }),
      frame(6, trade('1')),
      frame(7, { s: 'BTCUSD' }),
    ])
    expect(stats).toMatchObject({ used: 1, records: { in: 6 } })
    expect(stats.unused).toEqual([
      { cause: 'before_snapshot', frames: 2, venue: 'alpha', symbol: 'BTC/USD', channel: 'book' },
      { cause: 'malformed', frames: 1, venue: 'alpha', symbol: null, channel: null },
      { cause: 'before_snapshot', frames: 1, venue: 'alpha', symbol: 'ETH/USD', channel: 'book' },
    ])
  })

  test('a defect of a session is not hidden', async () => {
    await expect(play([open(1), frame(2, 'bug')])).rejects.toThrow('a defect')
  })

  test('can be stopped between two reads', async () => {
    const stop = new AbortController()
    const events: MarketEvent[] = []
    const stats = await playRecording([[open(1), frame(2, trade('1'))], [frame(3, trade('2'))]], {
      connectors: [fakeVenue('alpha')],
      onEvent: (event) => {
        events.push(event)
        stop.abort()
      },
      signal: stop.signal,
    })
    expect(stats).toMatchObject({ finished: false, records: { in: 1 } })
    expect(events).toHaveLength(2)
  })
})

describe('deadlines', () => {
  test('are kept by the clock of the log, in order, before the frame that comes after them', async () => {
    const { events } = await play([
      open(0, 0),
      open(0, 1),
      frame(1000, { s: 'LATER', wake: '30' }, 0),
      frame(2000, { s: 'FIRST', wake: '10' }, 1),
      frame(3000, { s: 'NEVER', wake: '60000' }, 1),
      frame(11_999, trade('1')),
      frame(12_000, trade('2')),
      frame(50_000, trade('3')),
    ])
    expect(events.slice(2).map((event) => ('reason' in event ? event.reason : event.type))).toEqual([
      'trade',
      'woken by FIRST',
      'trade',
      'woken by LATER',
      'trade',
    ])
    const woken = events.flatMap((event) =>
      event.type === 'connection' && event.state === 'maintenance' ? [event] : [],
    )
    expect(woken.map(({ receiveTime }) => receiveTime)).toEqual([12_000, 31_000])
  })

  test('of a closed connection are void', async () => {
    const { events } = await play([
      open(0),
      frame(1000, { s: 'X', wake: '10' }),
      close(2000),
      open(90_000),
      frame(99_000, trade('1')),
    ])
    expect(events.filter((event) => 'state' in event && event.state === 'maintenance')).toEqual([])
  })
})

describe('a silence inside a connection', () => {
  const SECOND = 1_000_000
  const snapshot = { s: 'BTCUSD', book: { bids: [['99', '1']], asks: [['101', '2']] } }
  const spoken = (opened: FrameRecord) => [opened, frame(1 * SECOND, snapshot), frame(2 * SECOND, trade('1'))]
  const alpha = fakeVenue('alpha')
  const pinging = (answer: string | null): Connector => ({
    ...alpha,
    liveness: { silentAfterMs: 10_000, ping: { everyMs: 5_000, always: false, frame: answer } },
  })

  test('that is longer than the venue is ever silent is a gap on each stream, from its last datum on', async () => {
    const { of } = await play([
      ...spoken(open(0)),
      frame(3_600 * SECOND, trade('2')),
      frame(3_601 * SECOND, snapshot),
    ])
    const detail = 'the log has nothing of the connection for 10000 ms and more'
    const receiveTime = 12.5 * SECOND + 1
    expect(of('gap')).toMatchObject([
      { channel: 'book', reason: 'stale', state: 'open', from: 1 * SECOND, receiveTime, detail },
      { channel: 'trade', reason: 'stale', state: 'open', from: 2 * SECOND, receiveTime, detail },
      { channel: 'trade', state: 'closed', to: 3_600 * SECOND, healed: false },
      { channel: 'book', state: 'closed', to: 3_601 * SECOND, healed: true },
    ])
  })

  test('is noticed again each time, and up to the limit of the watchdog it is none', async () => {
    const { of } = await play([
      ...spoken(open(0)),
      frame(12.5 * SECOND, trade('2')),
      frame(100 * SECOND, trade('3')),
      frame(200 * SECOND, trade('4')),
    ])
    const trades = of('gap').filter(({ channel }) => channel === 'trade')
    expect(trades.map(({ state, from, to }) => [state, from, to])).toEqual([
      ['open', 12.5 * SECOND, null],
      ['closed', 12.5 * SECOND, 100 * SECOND],
      ['open', 100 * SECOND, null],
      ['closed', 100 * SECOND, 200 * SECOND],
    ])
  })

  test('shows while another connection goes on, and is open at the end', async () => {
    const { of } = await play([
      ...spoken(open(0)),
      open(3 * SECOND, 1),
      ...[5, 10, 15, 20].map((at) => frame(at * SECOND, trade(`${at}`, '1', 'ETHUSD'), 1)),
    ])
    expect(of('gap')).toMatchObject([
      { symbol: 'BTC/USD', channel: 'book', state: 'open', receiveTime: 12.5 * SECOND + 1 },
      { symbol: 'BTC/USD', channel: 'trade', state: 'open', receiveTime: 12.5 * SECOND + 1 },
    ])
  })

  test('that the end of the log cuts off before the limit is none', async () => {
    const { of } = await play([
      ...spoken(open(0)),
      open(3 * SECOND, 1),
      frame(12.4 * SECOND, trade('9', '1', 'ETHUSD'), 1),
    ])
    expect(of('gap')).toEqual([])
  })

  const late = frame(3_600 * SECOND, trade('2'))
  test.each<[string, boolean, Connector, FrameRecord[]]>([
    ['of a log that has no opening', false, alpha, spoken(open(0)).slice(1)],
    [
      'where the venue answers pings and nobody knows that the client pinged',
      false,
      pinging('ping'),
      spoken(open(0)),
    ],
    [
      "where it answers pings, of tapewire's own log",
      true,
      pinging('ping'),
      spoken(open(0, 0, url, { venue: 'alpha' })),
    ],
    ['where the answers are no frames', false, pinging(null), spoken(open(0, 0, url, { venue: 'alpha' }))],
    [
      'where each channel has a pulse',
      true,
      { ...pinging('ping'), channels: alpha.channels.map((spec) => ({ ...spec, cadenceMs: 15_000 })) },
      spoken(open(0)),
    ],
  ])('%s: judged %s', async (_name, judged, connector, records) => {
    const { of } = await play([...records, late], [connector])
    expect(of('gap').some(({ state }) => state === 'open')).toBe(judged)
  })
})

describe('connections', () => {
  test('that are opened again keep their name and what was seen: no trade twice', async () => {
    const { of } = await play([
      open(1),
      frame(2, trade('1')),
      close(3),
      open(4),
      frame(5, trade('1')),
      frame(6, trade('2')),
    ])
    expect(of('trade').map(({ id }) => id)).toEqual(['1', '2'])
    expect(of('connection').map(({ connection, state }) => `${connection} ${state}`)).toEqual([
      'public#0 open',
      'public#0 closed',
      'public#0 open',
    ])
    expect(of('gap').map(({ state, from, to }) => [state, from, to])).toEqual([
      ['open', 2, null],
      ['closed', 2, 5],
    ])
  })

  test('that are opened again without a close were lost', async () => {
    const { of } = await play([open(1), frame(2, trade('1')), open(5), frame(6, trade('2'))])
    expect(of('gap')).toMatchObject([
      { state: 'open', receiveTime: 5, detail: 'opened again' },
      { state: 'closed', to: 6 },
    ])
  })

  test('whose file ended while the venue goes on elsewhere leave a hole, and it is said', async () => {
    const first = tempLog([open(1_000_000), frame(2_000_000, trade('1'))])
    const second = tempLog([open(90_000_000), frame(91_000_000, trade('2'))])
    const { of } = await playFiles([first, second])
    expect(of('gap')).toMatchObject([
      { state: 'open', from: 2_000_000, receiveTime: 90_000_000, detail: 'the recording of it ended' },
      { state: 'closed', to: 91_000_000 },
    ])
    expect(of('connection').map(({ connection, state }) => `${connection} ${state}`)).toEqual([
      'public#0 open',
      'public#0 closed',
      'public#1 open',
    ])
  })

  test('whose next part follows have no hole', async () => {
    const first = tempLog([open(1_000_000), frame(2_000_000, trade('1'))])
    const second = tempLog([frame(3_000_000, trade('2')), open(4_000_000, 1)])
    const { of } = await playFiles([first, second])
    expect(of('gap')).toEqual([])
    expect(of('trade').map(({ id }) => id)).toEqual(['1', '2'])
  })

  test('of two venues in one log are kept apart', async () => {
    const beta = 'wss://ws.beta.example/v1'
    const { of, stats } = await play(
      [open(1), open(2, 1, beta), frame(3, trade('1'), 0), frame(4, trade('1'), 1)],
      [fakeVenue('alpha'), fakeVenue('beta')],
    )
    expect(of('trade').map(({ venue }) => venue)).toEqual(['alpha', 'beta'])
    expect(stats.venues).toEqual(['alpha', 'beta'])
  })

  test('take the endpoint that is most like the recorded URL', async () => {
    const told = { sessions: [], sent: [], responses: [], ticks: [] }
    const alpha = fakeVenue('alpha', told, [
      { name: 'spot', url: 'wss://new.alpha.example/ws', rest: 'https://new.alpha.example' },
      { name: 'linear', url: 'wss://fut.alpha.example/linear-swap-ws', rest: null },
      { name: 'futures', url: 'wss://fut.alpha.example/ws', rest: null },
    ])
    await play(
      [
        open(1, 0, 'wss://old.alpha.example/linear-swap-ws'),
        open(1, 1, 'wss://fut.alpha.example/ws?v=2'),
        open(1, 2, 'wss://fut.alpha.example/linear-swap-ws/'),
        open(1, 3, 'wss://old.alpha.example/other'),
        open(1, 4, 'wss://fut.alpha.example/ws'),
      ],
      [alpha],
    )
    expect(alpha.told.sessions.map(({ connection }) => connection)).toEqual([
      'linear#0',
      'futures#0',
      'linear#1',
      'spot#0',
      'futures#1',
    ])
  })
})

describe('the venue', () => {
  const unknown = 'ws://127.0.0.1:9001'
  const both = () => [fakeVenue('alpha'), fakeVenue('beta')]

  test('can be named, by name or alias, where the URL does not tell', async () => {
    expect((await play([open(1, 0, unknown), frame(2, trade('1'))], both(), 'beta')).stats.venues).toEqual([
      'beta',
    ])
    expect((await play([open(1, 0, unknown)], both(), 'alpha-old')).stats.venues).toEqual(['alpha'])
  })

  test('that was written into the log needs no name', async () => {
    const { stats } = await play([open(1, 0, unknown, { venue: 'beta' })], both())
    expect(stats.venues).toEqual(['beta'])
  })

  test('that is not known of one connection does not stop the others: its frames are counted', async () => {
    const { stats, of } = await play(
      [open(1), open(1, 1, unknown), frame(2, trade('1')), frame(3, trade('2'), 1), frame(4, trade('3'))],
      both(),
    )
    expect(of('trade').map(({ id }) => id)).toEqual(['1', '3'])
    expect(stats.unused).toMatchObject([{ cause: 'unknown_venue', frames: 1, venue: null }])
  })

  test('that is not known is asked for, with what there is', async () => {
    await expect(play([open(1, 0, unknown)], both())).rejects.toThrow(
      /no venue is known for ws:\/\/127.0.0.1:9001; name the venue .* one of alpha, beta/,
    )
    await expect(play([frame(1, trade('1'))], both())).rejects.toMatchObject({ code: 'unknown_venue' })
    await expect(play([open(1)], both(), 'gamma')).rejects.toThrow(
      'there is no venue gamma; there are alpha, beta',
    )
  })

  test('of a frame without an open is the only one there is', async () => {
    const elsewhere = await play([open(1), frame(2, trade('1'), 5)], both())
    expect(elsewhere.of('trade')).toMatchObject([{ venue: 'alpha' }])
  })
})

describe('REST answers', () => {
  test('that list instruments are known to every session, also those opened later', async () => {
    const { of } = await play([
      list(1),
      open(2),
      frame(3, trade('1')),
      open(4, 1),
      frame(5, trade('2', '1', 'ETHUSD'), 1),
    ])
    expect(of('instrument')).toMatchObject([{ instrument: 'BTCUSD', tickSize: '0.01', receiveTime: 3 }])
  })

  test('that list instruments in a file of their own hold for the whole recording', async () => {
    const frames = tempLog([open(1), frame(2, trade('1'))])
    const { of, stats } = await playFiles([frames, tempLog([list(99)])])
    expect(of('instrument')).toHaveLength(1)
    expect(stats.records).toMatchObject({ rest: 1 })
  })

  test('of any other kind are offered to every session of the venue as if it had asked', async () => {
    const alpha = fakeVenue('alpha')
    const beta = fakeVenue('beta')
    const book = 'https://api.alpha.example/book'
    await play(
      [open(1), open(1, 1), open(1, 2, 'wss://ws.beta.example'), rest(2, book, '{}', { sequence: '5' })],
      [alpha, beta],
    )
    expect(alpha.told.responses).toEqual([
      { connection: 'public#0', url: book, headers: { sequence: '5' }, at: 2 },
      { connection: 'public#1', url: book, headers: { sequence: '5' }, at: 2 },
    ])
    expect(beta.told.responses).toEqual([])
  })

  test('that came shortly before a connection are offered to it when it opens', async () => {
    const alpha = fakeVenue('alpha')
    const at = (path: string) => `https://api.alpha.example/${path}`
    await play(
      [rest(0, at('old')), rest(50_000_000, at('book')), rest(50_500_000, at('book')), open(61_000_000)],
      [alpha],
    )
    expect(alpha.told.responses).toMatchObject([{ url: at('book'), at: 61_000_000 }])
  })

  test('are kept for later connections in bounded number and size, the oldest forgotten first', async () => {
    const at = (path: string | number) => `https://api.alpha.example/${path}`
    const many = fakeVenue('alpha')
    await play([...Array.from({ length: 300 }, (_, n) => rest(1, at(n))), open(2)], [many])
    expect(many.told.responses.map(({ url: from }) => from)).toEqual(
      Array.from({ length: 256 }, (_, n) => at(n + 44)),
    )
    const large = fakeVenue('alpha')
    const body = 'x'.repeat(6_000_000)
    await play([rest(1, at('a'), body), rest(1, at('b'), body), rest(1, at('c'), body), open(2)], [large])
    expect(large.told.responses.map(({ url: from }) => from)).toEqual([at('b'), at('c')])
  })

  test('are counted where they belong to no venue given', async () => {
    const { stats, events } = await play([rest(1, 'https://elsewhere.example/x'), open(2)])
    expect(stats.unclaimed).toBe(1)
    expect(events).toHaveLength(1)
  })

  test('belong to the venue whose list they are, wherever they were fetched', async () => {
    const { of } = await play(
      [list(1, 'mirror.test/alpha'), open(2), frame(3, trade('1'))],
      [fakeVenue('beta'), fakeVenue('alpha')],
    )
    expect(of('instrument')).toMatchObject([{ venue: 'alpha' }])
  })

  test('that do not fit are malformed events, once', async () => {
    const bad = rest(1, 'https://api.alpha.example/instruments', '{"not":"a list"}')
    const { events } = await playFiles([
      tempLog([bad, open(2), rest(3, 'https://api.alpha.example/broken', 'x')]),
    ])
    expect(events).toMatchObject([
      {
        type: 'malformed',
        connection: 'rest',
        reason: 'schema_mismatch',
        head: '{"not":"a list"}',
        receiveTime: 1,
      },
      { type: 'connection' },
      { type: 'malformed', connection: 'public#0', reason: 'unknown_message' },
    ])
  })

  test('that are errors are offered with their status and list nothing', async () => {
    const alpha = fakeVenue('alpha')
    await play([open(1), { ...list(2), status: 503 }], [alpha])
    expect(alpha.told.responses).toHaveLength(1)
  })
})

describe("other projects' captures", () => {
  test("cryptofeed's gives trades of text and binary frames and the gap between its sockets", async () => {
    const { of, stats } = await playFiles([fixture('cryptofeed.txt')])
    expect(of('trade')).toMatchObject([
      { id: '1', price: '59000.5', amount: '0.01', receiveTime: 1617643607250001 },
      { id: '2', price: '59001', amount: '0.02', receiveTime: 1617643608000000 },
      { id: '3', price: '59002', amount: '0.03', receiveTime: 1617643610000001 },
    ])
    expect(of('gap')).toMatchObject([{ state: 'open' }, { state: 'closed' }])
    expect(of('instrument')).toHaveLength(1)
    expect(of('malformed')).toEqual([])
    expect(stats.records).toEqual({ rest: 1, open: 2, in: 4, out: 1, close: 1 })
  })

  test("Tardis' needs the venue named, and has a gap where its recorder was disconnected", async () => {
    const both = [fakeVenue('alpha'), fakeVenue('beta')]
    await expect(playFiles([fixture('tardis.txt')], both)).rejects.toThrow(
      /does not say which venue it is of/,
    )
    const { of } = await playFiles([fixture('tardis.txt')], both, 'beta')
    expect(of('trade')).toMatchObject([{ id: '1', price: '5350.5' }, { id: '2' }, { id: '3' }])
    expect(of('gap')).toMatchObject([{ state: 'open' }, { state: 'closed' }])
    expect(of('connection').map(({ state }) => state)).toEqual(['closed'])
  })
})

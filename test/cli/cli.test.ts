import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { venues } from '../../connectors/index.js'
import { marketEvent } from '../../schemas/event-schemas.js'
import { openFeed } from '../../src/index.js'
import { Desk, hasEvents } from './command.js'

const desk = new Desk()
afterAll(() => desk.clear())

const summaryShape = {
  venue: expect.any(String),
  instrument: expect.any(String),
  symbol: expect.any(String),
  trades: expect.any(Object),
  historicalTrades: expect.any(Object),
  book: expect.any(Object),
  quotes: expect.any(Number),
  tickers: expect.any(Number),
  candles: expect.any(Number),
  derivatives: expect.any(Number),
  liquidations: expect.any(Number),
  gaps: expect.any(Number),
  checksumsVerified: expect.any(Number),
  checksumsFailed: expect.any(Number),
}

describe('recording a simulated venue', () => {
  test('ends on a tape that is whole and plays back the same twice', async () => {
    const url = await desk.simulate('bitfinex', '--seed', '3')
    const recording = desk.start(
      ...['record', 'bitfinex:BTC/USD', 'bitfinex:ETH/USD', '--db', 'one.db', '--url', url, '--raw'],
    )
    await desk.until('one.db', (tape) => {
      const came = new Set(
        [...tape.replay()].map((event) => `${'symbol' in event && event.symbol} ${event.type}`),
      )
      return (
        hasEvents(tape, 'book_update', 51) &&
        ['BTC/USD', 'ETH/USD'].every((name) => came.has(`${name} book_update`) && came.has(`${name} trade`))
      )
    })
    recording.signal('SIGINT')
    const recorded = await recording.outcome()
    expect(recorded).toMatchObject({ code: 130, stdout: '' })

    const verified = await desk.run('verify', 'one.db')
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringMatching(/^whole: one\.db, /m) })
    const figures = [
      /: ([\d,]+) events of 4 streams/.exec(recorded.stderr),
      /^whole: one\.db, ([\d,]+) events/m.exec(verified.stdout),
      /^([\d,]+) events over/m.exec((await desk.run('inspect', 'one.db')).stdout),
    ].map((match) => match?.[1])
    expect(figures).toEqual([expect.stringMatching(/\d/), figures[0], figures[0]])

    const [first, second] = [
      await desk.run('replay', 'one.db'),
      await desk.run('replay', 'one.db', '--speed', 'max'),
    ]
    expect(first.code).toBe(0)
    expect(first.stdout).toBe(second.stdout)
    const events = first.stdout
      .trim()
      .split('\n')
      .map((line) => marketEvent.parse(JSON.parse(line)))
    expect(events.filter(({ type }) => type === 'book_update').length).toBeGreaterThan(50)

    const { stdout } = await desk.run('inspect', 'one.db', '--json')
    const inspection: unknown = JSON.parse(stdout)
    expect(inspection).toEqual({
      tape: {
        events: events.length,
        bytes: expect.any(Number),
        from: expect.any(Number),
        to: expect.any(Number),
      },
      instruments: [summaryShape, summaryShape],
      malformed: 0,
      streams: ['ETH', 'BTC'].flatMap(() => [
        expect.objectContaining({ channel: 'book', share: 1 }),
        expect.objectContaining({ channel: 'trade', share: 1 }),
      ]),
    })

    // What was recorded raw gives the same market data again.
    expect(await desk.run('ingest', 'one.frames.jsonl.gz', '--db', 'again.db')).toMatchObject({ code: 0 })
    const again = await desk.run('replay', 'again.db', '--types', 'trade,book_snapshot,book_update')
    const once = await desk.run('replay', 'one.db', '--types', 'trade,book_snapshot,book_update')
    expect(again.stdout).toBe(once.stdout)
  })

  test('an interruption flushes and closes the tape', async () => {
    const url = await desk.simulate('blockchain')
    const recording = desk.start('record', 'blockchain:BTC/USD', '--db', 'cut.db', '--url', url)
    await desk.holds('cut.db', 'book_update')
    recording.signal('SIGINT')
    expect(await recording.outcome()).toMatchObject({ code: 130 })
    expect(await desk.run('verify', 'cut.db')).toMatchObject({ code: 0 })
  })

  test('instruments lists what the venue trades', async () => {
    const url = await desk.simulate('bitfinex')
    const { code, stdout } = await desk.run(
      'instruments',
      'bitfinex',
      '--url',
      url,
      '--search',
      'BTC/USD',
      '--json',
    )
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ symbol: 'BTC/USD', instrument: 'tBTCUSD' }),
    )
    expect((await desk.run('instruments', 'bitfinex', '--url', url)).stdout).toContain('tBTCUSD')
  })

  test('a simulator plays recorded frames', async () => {
    const frame = (data: string) => JSON.stringify({ t: null, dir: 'in', conn: 0, data })
    const asked = (data: string) => JSON.stringify({ t: null, dir: 'out', conn: 0, data })
    const lines = [
      JSON.stringify({
        t: null,
        dir: 'open',
        conn: 0,
        url: 'wss://ws.blockchain.info/mercury-gateway/v1/ws',
      }),
      asked('{"action":"subscribe","channel":"heartbeat"}'),
      frame('{"seqnum":0,"event":"subscribed","channel":"heartbeat"}'),
      asked('{"action":"subscribe","channel":"l2","symbol":"BTC-USD"}'),
      frame('{"seqnum":1,"event":"subscribed","channel":"l2","symbol":"BTC-USD"}'),
      frame(
        '{"seqnum":2,"event":"snapshot","channel":"l2","symbol":"BTC-USD","bids":[{"num":1,"px":1.5,"qty":2.0}],"asks":[]}',
      ),
    ]
    writeFileSync(join(desk.folder, 'played.jsonl'), `${lines.join('\n')}\n`)
    const url = await desk.simulate('blockchain', '--frames', 'played.jsonl', '--speed', 'max')
    const recording = desk.start(
      'record',
      'blockchain:BTC-USD',
      '--channels',
      'book',
      '--url',
      url,
      '--db',
      'played.db',
    )
    await desk.holds('played.db', 'book_snapshot')
    recording.signal('SIGINT')
    expect(await recording.outcome()).toMatchObject({ code: 130 })
    const { stdout } = await desk.run('inspect', 'played.db', '--json')
    expect(JSON.parse(stdout).instruments[0].book.bids).toEqual([['1.5', '2']])
  })
})

describe('venues', () => {
  test('are told to people and to programs', async () => {
    const shown = await desk.run('venues')
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringMatching(/bitmex +closed .*\n +2026-09-23/) })
    const listed: unknown = JSON.parse((await desk.run('venues', '--json')).stdout)
    expect(listed).toContainEqual(
      expect.objectContaining({ venue: 'bitfinex', status: expect.objectContaining({ state: 'open' }) }),
    )
  })
})

describe('a simulator under a fault plan', () => {
  const file = join(desk.folder, 'plan.json')
  writeFileSync(file, '{"seed":4,"faults":[{"fault":"inject","afterMs":50,"text":"out of nowhere"}]}')

  const symbols: Readonly<Record<string, string>> = { bitmex: 'XBTUSD', huobi: 'BTC/USDT' }

  test.concurrent.each(venues.map((venue) => [venue.id, venue] as const))(
    'says what each fault did to %s',
    async (id, venue) => {
      const plan =
        '[{"fault":"inject","afterMs":500,"text":"out of nowhere","times":1},{"fault":"reset","afterMs":900,"times":1}]'
      const simulator = desk.start('simulate', id, '--faults', plan)
      const [url = ''] = await simulator.prints(/ws:\/\/\S+(?=\s)/)
      const symbol = symbols[id] ?? 'BTC/USD'
      const feed = openFeed([venue.connector({ url, symbols: [symbol], channels: ['book'] })])
      const said = { malformed: '', gone: false }
      for await (const event of feed) {
        if (event.type === 'malformed') said.malformed = event.head
        if (event.type === 'connection' && event.state === 'reconnecting') said.gone = true
        if (said.gone) break
      }
      expect(said).toEqual({ malformed: 'out of nowhere', gone: true })
      await simulator.prints(/\d\.\d{3} s: inject struck, connection 0\n/, 'stderr')
      await simulator.prints(/\d\.\d{3} s: reset struck, connection 0\n/, 'stderr')
      simulator.signal('SIGINT')
      const { stderr } = await simulator.outcome()
      expect(stderr).toContain('faults: inject struck 1, reset struck 1')
    },
  )

  test.concurrent.each([
    ['a file', file, /inject struck/],
    ['short text', 'inject afterMs=50 text="out of nowhere"; clock-step atMs=60', /clock-step missed/],
  ])('takes the plan from %s', async (_from, plan, said) => {
    const simulator = desk.start('simulate', 'bitfinex', '--faults', plan)
    const [url = ''] = await simulator.prints(/ws:\/\/\S+(?=\s)/)
    const socket = new WebSocket(url)
    await once(socket, 'open')
    await simulator.prints(said, 'stderr')
    socket.terminate()
  })
})

describe('bad input gets one sentence and exit code 2', () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [['record', 'bitfinx:BTC/USD', '--db', 'x.db'], /no venue bitfinx; did you mean bitfinex\?/],
    [['record', 'houbi:BTC/USDT', '--db', 'x.db'], /no venue houbi; did you mean huobi\?/],
    [['record', 'binance:BTC/USD', '--db', 'x.db'], /no venue binance; there are bitfinex, /],
    [['record', 'BTC/USD', '--db', 'x.db'], /VENUE:SYMBOL/],
    [['record', 'bitfinex', '--db', 'x.db'], /bitfinex names no market of bitfinex: write bitfinex:SYMBOL/],
    [['record', 'bitfinex:', '--db', 'x.db'], /bitfinex: names no market of bitfinex: write bitfinex:SYMBOL/],
    [
      ['replay', 'nothing.db', '--types', 'trde'],
      /--types trde is no type of event; did you mean trade\? there/,
    ],
    [['record', 'bitfinex:BTC/USD', '--db', 'no/such/folder/x.db'], /x\.db/],
    [['record', 'bitfinex:BTC/USD', '--db', 'x.db', '--duration', 'soon'], /soon is no duration/],
    [
      ['record', 'bitfinex:BTC/USD', '--db', 'x.db', '--channels', 'wether'],
      /--channels wether: no venue has such a channel; there are trade, book/,
    ],
    [['record', 'bitfinex:BTC/USD', '--db', 'x.db', '--channels', 'book:P9'], /no channel book:P9/],
    [['record', 'bitfinex:BTC/USD', '--db', 'x.db', '--channels', ''], /--channels "" names nothing/],
    [['record', 'bitfinex:BTC/USD,', '--db', 'x.db'], /bitfinex:BTC\/USD, has an empty symbol/],
    [['record', 'bitfinex:BTC/USD', '--db', 'x.db', '--duration', '0s'], /--duration 0s is no duration/],
    [
      ['record', 'bitfinex:BTC/USD', '--db', 'x.db', '--url', 'huobi=ws://127.0.0.1:1'],
      /--url huobi=.* not among the venues asked for \(bitfinex\)/,
    ],
    [
      ['record', 'bitfinex:BTC/USD', 'huobi:BTC/USDT', '--db', 'x.db', '--url', 'ws://127.0.0.1:1'],
      /several venues \(bitfinex, huobi\), so write VENUE=URL/,
    ],
    [['watch', 'bitfinex:BTC/USD', '--depth', '-3'], /--depth -3 is no whole number/],
    [['watch', 'bitfinex:BTC/USD', '--trades', 'abc'], /--trades abc is no whole number/],
    [['replay', 'nothing.db', '--types', 'foo'], /--types foo is no type of event; there are trade/],
    [['replay', 'nothing.db', '--from', '1714564800000'], /looks like milliseconds: write 1714564800000000/],
    [['replay', 'nothing.db', '--to', '2024-13-01'], /--to 2024-13-01 is no time/],
    [['simulate', 'bitfinex', '--speed', '3x'], /--speed .* give --frames/],
    [['simulate', 'bitfinex', '--port', '99999'], /--port 99999 is no whole number from 0 to 65535/],
    [['record', 'bitfinex:BTC/USD', '--db', 'x.db', '--url', 'http://x'], /ws:\/\//],
    [['inspect', 'nothing.db'], /no tape at .*nothing\.db/],
    [['inspect', 'not-a-tape.txt'], /not a tape/],
    [['verify', 'not-a-tape.txt'], /not a tape/],
    [['replay', 'nothing.db', '--speed', 'fast'], /fast is no speed/],
    [['ingest', 'not-a-tape.txt', '--db', 'x.db'], /not-a-tape\.txt/],
    [['ingest', 'nothing.jsonl.gz', '--db', 'x.db'], /nothing\.jsonl\.gz/],
    [['simulate', 'nowhere'], /no venue nowhere/],
    [['simulate', 'bitfinex', '--faults', '{"faults":[{"fault":"dorp"}]}'], /no fault; did you mean drop\?/],
    [['simulate', 'bitfinex', '--faults', '[{"fault":"drop","chance":2}]'], /faults\.0\.chance .*got 2/],
    [
      ['simulate', 'bitfinex', '--faults', 'drop chanse=1'],
      /no option faults\.0\.chanse; did you mean chance\?/,
    ],
    [['simulate', 'bitfinex', '--faults', 'close'], /needs a trigger/],
    [['simulate', 'bitfinex', '--faults', '{bad'], /not JSON/],
    [['simulate', 'bitfinex', '--faults', 'no-such-plan.json'], /no fault plan no-such-plan\.json/],
    [
      ['simulate', 'cex', '--faults', 'venue name=checksum-wrnog atMs=1'],
      /cex.*did you mean checksum-wrong\?/,
    ],
    [['nonsense'], /unknown command/],
  ]
  writeFileSync(join(desk.folder, 'not-a-tape.txt'), 'no tape at all, only a line of text\n')

  test.concurrent.each(cases)('%j', async (args, sentence) => {
    const { code, stdout, stderr } = await desk.run(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(sentence)
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  test('an unknown symbol is one too, with the nearest there is', async () => {
    const url = await desk.simulate('bitfinex')
    const { code, stderr } = await desk.run('record', 'bitfinex:BTC/USB', '--db', 'unknown.db', '--url', url)
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/no symbol BTC\/USB; did you mean BTC\/USD\?/),
    })
  })

  test('a spelling that is no venue’s own and may be two markets is refused, with both named', async () => {
    const url = await desk.simulate('huobi')
    for (const spelling of ['btc-usdt', 'btc_usdt', 'BTCUSDT']) {
      const { code, stderr } = await desk.run('stream', `huobi:${spelling}`, '--url', url, '--duration', '5s')
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringContaining(`${spelling} may be BTC/USDT or BTC/USDT:USDT at huobi`),
      })
    }
    // Nor where the venue's list cannot be had.
    const closed = await desk.run('stream', 'huobi:btc-usdt', '--url', 'ws://127.0.0.1:1', '--duration', '5s')
    expect(closed).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/may be BTC\/USDT(:USDT)? or BTC/),
    })
  })

  test('what is not a tape stays as it was', () => {
    expect(readFileSync(join(desk.folder, 'not-a-tape.txt'), 'utf8')).toBe(
      'no tape at all, only a line of text\n',
    )
  })
})

test('a closed venue without a URL is exit code 3, at once', async () => {
  const { code, stderr } = await desk.run('record', 'bitmex:XBTUSD', '--db', 'closed.db')
  expect({ code, stderr }).toEqual({
    code: 3,
    stderr: expect.stringMatching(/bitmex is closed since 2026-09-23.*url/s),
  })
})

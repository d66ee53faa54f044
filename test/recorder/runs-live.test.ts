import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'
import { bitfinex } from '../../connectors/bitfinex/index.js'
import { inspectTape, openTape, record, type Tape, verifyTape } from '../../recorder/index.js'
import type { GapEvent, MarketEvent } from '../../schemas/events.js'
import { bitfinexSimulator } from '../../simulators/index.js'
import { openFeed } from '../../src/feed/feed.js'
import { type SimulatorServer, serveSimulator } from '../../src/simulator/index.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()
const GENEROUS_MS = 120_000

function connectorOf({ url }: SimulatorServer, symbols = ['BTC/USD']) {
  return bitfinex({ url, symbols, channels: ['trade', 'book'] })
}

/** Records until an event fits. @param onEvent what else each event is for. */
async function recordUntil(
  file: string,
  server: SimulatorServer,
  fits: (event: MarketEvent) => boolean,
  onEvent: (event: MarketEvent) => void = () => {},
): Promise<void> {
  const feed = openFeed([connectorOf(server)])
  const recorder = openTape(file, { mode: 'write' })
  await record(feed, recorder, {
    onEvent: (event) => {
      onEvent(event)
      if (fits(event)) void feed.close()
    },
  })
}

/** Counts down over live trades. */
function trades(count: number): (event: MarketEvent) => boolean {
  let seen = 0
  return (event) => event.type === 'trade' && !event.historical && ++seen >= count
}

/** The market rests between two runs: however long a busy machine takes to begin the second, history reaches back to the first. */
function pauseOf(simulator: ReturnType<typeof bitfinexSimulator>) {
  const market = simulator.markets.get('tBTCUSD')
  if (market === undefined) throw new Error('no market')
  return {
    made: () => market.trades.at(-1)?.number ?? 0,
    begin: () => {
      market.frozen = true
    },
    end: ({ type }: MarketEvent) => {
      if (type === 'book_snapshot') market.frozen = false
    },
  }
}

function pauses(tape: Tape, channel: string): GapEvent[] {
  return [...tape.replay({ types: ['gap'], channels: [channel] })].filter(
    (event): event is GapEvent => event.type === 'gap' && event.reason === 'not_recording',
  )
}

/** Every trade that the venue made from the first to the last one on the tape, each once. */
function expectEveryTradeOnce(tape: Tape): void {
  const ids = [...tape.replay({ types: ['trade'] })].flatMap((event) =>
    event.type === 'trade' ? event.id : [],
  )
  expect(new Set(ids).size).toBe(ids.length)
  const numbers = ids.map(Number).sort((a, b) => a - b)
  expect((numbers.at(-1) ?? 0) - (numbers[0] ?? 0) + 1).toBe(numbers.length)
}

it(
  'two runs with a short pause: history fills it, and every trade is on the tape once',
  async () => {
    const file = path()
    const simulator = bitfinexSimulator({ seed: 4, stepsPerSecond: 10 })
    const pause = pauseOf(simulator)
    await using server = await serveSimulator(simulator)
    await recordUntil(file, server, trades(5))
    const before = pause.made()
    await until(() => pause.made() > before + 3)
    pause.begin()
    await recordUntil(file, server, trades(5), pause.end)
    using tape = openTape(file)
    expectEveryTradeOnce(tape)
    const [first] = tape.runs()
    const closed = first?.closed ?? 0
    expect(pauses(tape, 'trade')).toMatchObject([
      { state: 'open', from: closed },
      { state: 'closed', from: closed, healed: true },
    ])
    const [open, end] = pauses(tape, 'book')
    expect([open, end]).toMatchObject([
      { state: 'open', from: closed },
      { state: 'closed', from: closed, healed: true },
    ])
    const book = { venue: 'bitfinex', symbol: 'BTC/USD' }
    expect(tape.bookAt(book, closed - 1)?.book.state).toBe('live')
    expect(tape.bookAt(book, (end?.to ?? 0) - 1)?.book.state).toBe('suspect')
    expect(tape.bookAt(book, end?.to ?? 0)?.book.state).toBe('live')
    expect(tape.query("SELECT count(*) AS n FROM gaps WHERE reason = 'not_recording'")).toEqual([{ n: 4 }])
    expect(inspectTape(tape).instruments[0]?.gaps).toBe(2)
    const { findings } = verifyTape(tape)
    expect(findings.filter(({ channel }) => channel === 'trade')).toMatchObject([
      { severity: 'note', code: 'gap_healed' },
    ])
    expect(findings.map(({ code }) => code)).not.toContain('repeated_id')
  },
  GENEROUS_MS,
)

it(
  'two runs with a pause longer than the history: the gap is not healed, and no trade is on the tape twice',
  async () => {
    const file = path()
    const simulator = bitfinexSimulator({ seed: 4, stepsPerSecond: 100 })
    await using server = await serveSimulator(simulator)
    await recordUntil(file, server, trades(5))
    const { made } = pauseOf(simulator)
    // Bitfinex sends the last thirty trades.
    const before = made()
    await until(() => made() > before + 60)
    await recordUntil(file, server, trades(5))
    using tape = openTape(file)
    const ids = [...tape.replay({ types: ['trade'] })].flatMap((event) =>
      event.type === 'trade' ? event.id : [],
    )
    expect(new Set(ids).size).toBe(ids.length)
    expect(pauses(tape, 'trade')).toMatchObject([{ state: 'open' }, { state: 'closed', healed: false }])
    expect(verifyTape(tape)).toMatchObject({ verdict: 'not whole' })
  },
  GENEROUS_MS,
)

/** Records a simulator through the command's own library until it is killed. */
const script = `
import { openFeed } from ${JSON.stringify(new URL('../../dist/src/index.js', import.meta.url).href)}
import { bitfinex } from ${JSON.stringify(new URL('../../dist/connectors/index.js', import.meta.url).href)}
import { openTape, record } from ${JSON.stringify(new URL('../../dist/recorder/index.js', import.meta.url).href)}
const [, , file, url] = process.argv
const recorder = openTape(file, { mode: 'write', batchMs: 20 })
const feed = openFeed([bitfinex({ url, symbols: ['BTC/USD'], channels: ['trade', 'book'] })])
let trades = 0
await record(feed, recorder, {
  onEvent: (event) => {
    if (event.type === 'trade' && !event.historical) console.log(++trades)
  },
})
`

it(
  'a run that was killed is an earlier run like any other',
  async () => {
    const file = path()
    const simulator = bitfinexSimulator({ seed: 4, stepsPerSecond: 10 })
    const pause = pauseOf(simulator)
    await using server = await serveSimulator(simulator)
    const program = join(file, '..', 'record.mjs')
    writeFileSync(program, script)
    const child = spawn(process.execPath, [program, file, server.url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const gone = once(child, 'exit')
    for await (const line of createInterface({ input: child.stdout })) {
      if (Number(line) < 8) continue
      pause.begin()
      child.kill('SIGKILL')
    }
    await gone
    expect(child.signalCode).toBe('SIGKILL')
    await recordUntil(file, server, trades(5), pause.end)
    using tape = openTape(file)
    expect(tape.runs()).toMatchObject([
      { closed: null, streams: [{ channel: 'trade' }, { channel: 'book' }] },
      { closed: expect.any(Number) },
    ])
    expectEveryTradeOnce(tape)
    const second = tape.runs()[1]?.firstEvent ?? 0
    const last = [...tape.replay({ toEvent: second, channels: ['trade'] })].at(-1)?.receiveTime
    expect(pauses(tape, 'trade')).toMatchObject([
      { state: 'open', from: last },
      { state: 'closed', healed: true },
    ])
    expect(pauses(tape, 'book')).toMatchObject([{ state: 'open' }, { state: 'closed' }])
  },
  GENEROUS_MS,
)

async function until(fits: () => boolean): Promise<void> {
  while (!fits()) await new Promise((resolve) => setTimeout(resolve, 50))
}

import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { blockchain } from '../../connectors/blockchain/index.js'
import { candlesOf, inspectTape, openTape, record, verifyTape } from '../../recorder/index.js'
import { openFeed } from '../../src/feed/feed.js'
import { virtualPlatform } from '../../src/simulator/index.js'
import { START, trade } from './sample-events.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()

/** What a caller without types may write. */
type Untyped = (...given: unknown[]) => unknown
const anyRecord = record as unknown as (...given: unknown[]) => Promise<unknown>
const anyOpen = openTape as unknown as Untyped

const refusal = (message: string) =>
  expect.objectContaining({ code: 'bad_option', message: expect.stringContaining(message) })

async function written(): Promise<string> {
  const file = path()
  const recorder = openTape(file, { mode: 'write' })
  recorder.record(trade())
  await recorder.close()
  return file
}

function quietFeed() {
  const connector = blockchain({ symbols: ['BTC/USD'], url: 'ws://venue.test' })
  return openFeed([connector], { platform: virtualPlatform() })
}

describe('record with the wrong things says what to write, and closes what it was given', () => {
  const write = "openTape('market.db', { mode: 'write' })"

  test('a tape without its mode', async () => {
    const [feed, tape] = [quietFeed(), openTape(await written())]
    await expect(anyRecord(feed, tape)).rejects.toThrow(
      refusal(`is open for reading: write record(feed, ${write})`),
    )
    await feed.done
    expect(() => tape.streams()).toThrow('is closed')
  })

  test.each([
    ['a path', 'market.db'],
    ['nothing', undefined],
    ['options', { mode: 'write' }],
  ])('%s in place of a tape', async (_, given) => {
    const feed = quietFeed()
    await expect(anyRecord(feed, given)).rejects.toThrow(refusal(`write record(feed, ${write})`))
    await feed.done
  })

  test('the two swapped: no tape is left behind', async () => {
    const [feed, file] = [quietFeed(), path()]
    const recorder = openTape(file, { mode: 'write' })
    await expect(anyRecord(recorder, feed)).rejects.toThrow(refusal('the feed comes first'))
    await feed.done
    expect(recorder.state).toBe('closed')
    expect(existsSync(file)).toBe(false)
  })

  test('a connector in place of a feed', async () => {
    const file = path()
    const recorder = openTape(file, { mode: 'write' })
    await expect(anyRecord([blockchain()], recorder)).rejects.toThrow(refusal('needs a feed'))
    expect(existsSync(file)).toBe(false)
  })

  test('an option that does not fit', async () => {
    const [feed, file] = [quietFeed(), path()]
    const recorder = openTape(file, { mode: 'write' })
    await expect(anyRecord(feed, recorder, { onEvnt: () => {} })).rejects.toThrow(
      refusal('did you mean onEvent?'),
    )
    await feed.done
    expect(existsSync(file)).toBe(false)
  })
})

describe('openTape says what to write', () => {
  const write = "write openTape('market.db') to read, openTape('market.db', { mode: 'write' }) to record"
  test.each<[string, unknown[], string]>([
    ['without a path', [], write],
    ['with an empty path', [''], write],
    ['with a number', [5], write],
    [
      'with a mode that does not exist',
      ['b.db', { mode: 'w' }],
      "option mode must be 'read' or 'write' (got \"w\")",
    ],
    ['with a mode alone', ['b.db', 'write'], "write openTape('market.db', { mode: 'write' })"],
    ['with null', ['b.db', null], 'the options must be an object (got null)'],
    [
      'with options of a recording',
      ['b.db', { batchMs: 5 }],
      "option batchMs is for recording: add mode: 'write'",
    ],
  ])('%s', (_, given, message) => {
    expect(() => anyOpen(...given)).toThrow(refusal(message))
    expect(existsSync('b.db')).toBe(false)
  })
})

describe('bookAt says what to write', () => {
  const btc = { venue: 'bitfinex', symbol: 'BTC/USD' }
  const whole = "bookAt({ venue: 'bitfinex', symbol: 'BTC/USD' }, moment)"
  test.each<[string, unknown[], string]>([
    ['without a moment', [btc], 'needs a moment'],
    ['with a text', [btc, '2026-11-30T12:00:00Z'], 'so write 1796040000000000'],
    ['with a text without meaning', [btc, 'noon'], 'needs a moment'],
    ['with a Date', [btc, new Date(START / 1_000)], `so write ${START}`],
    ['with NaN', [btc, Number.NaN], 'needs a moment'],
    ['with an object of another form', [btc, { time: START }], 'needs a moment'],
    [
      'with a text as exchange time',
      [btc, { exchangeTime: '2026-11-30T12:00:00Z' }],
      'so write 1796040000000000',
    ],
    ['with a text as request', ['bitfinex:BTC/USD', START], `write ${whole}`],
    ['without a symbol', [{ venue: 'bitfinex' }, START], `write ${whole}`],
    ['with an unknown field', [{ ...btc, chanel: 'book' }, START], 'did you mean channel?'],
  ])('%s', async (_, given, message) => {
    using tape = openTape(await written())
    expect(() => (tape.bookAt as Untyped).apply(tape, given)).toThrow(refusal(message))
  })
})

test.each([
  ['verifyTape', verifyTape as Untyped],
  ['inspectTape', inspectTape as Untyped],
  ['candlesOf', candlesOf as unknown as Untyped],
])('%s with a path in place of a tape says what to write', (name, call) => {
  expect(() => call('market.db', {})).toThrow(refusal(`write ${name}(openTape('market.db')`))
})

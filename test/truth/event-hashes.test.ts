import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { findVenue, venues } from '../../connectors/index.js'
import type { MarketEvent, TradeEvent } from '../../schemas/events.js'
import { openRecording, playRecording } from '../../src/framelog/index.js'
import { differences, EventHasher, type EventHashes } from './event-hashes.js'
import { capturesIn, handWritten, recorded, restFilesIn } from './truth-file.js'

/**
 * What must not change: each capture gives the events that it gave before, field by field. `npm run hashes` writes the hashes
 * anew, for a change that is meant; the difference of the file then names each type and field that it touched.
 */
const FILE = fileURLToPath(new URL('../fixtures/event-hashes.json', import.meta.url))
const rewrite = process.env['REWRITE_HASHES'] === '1'
const fileSchema = z.record(z.string(), z.record(z.string(), z.record(z.string(), z.string())))
const known: Record<string, EventHashes> = existsSync(FILE)
  ? fileSchema.parse(JSON.parse(readFileSync(FILE, 'utf8')))
  : {}

const connectors = venues.map((venue) => venue.connector({}))

async function hashesOf(files: readonly string[]): Promise<EventHashes> {
  const hasher = new EventHasher()
  const recording = await openRecording(files)
  await playRecording(recording.records(), { connectors, onEvent: (event) => hasher.add(event) })
  return hasher.end()
}

/** By name: each capture with the answers that were recorded beside it, and the files that hold answers only. */
function playable(folder: string): ReadonlyMap<string, readonly string[]> {
  const played = new Map(capturesIn(folder).captures.map(({ truth, files }) => [truth.capture, files]))
  const beside = new Set([...played.values()].flat())
  for (const path of restFilesIn(folder)) {
    const name = basename(path).replace(/\.jsonl(\.gz)?$/, '')
    if (!beside.has(path) && findVenue(name.split('-')[0] ?? '') !== undefined) played.set(name, [path])
  }
  return played
}

const present = new Map([...playable(handWritten), ...playable(recorded)])
const absent = Object.keys(known).filter((name) => !present.has(name))
if (absent.length > 0) console.warn(`SKIPPED: captures that are not here: ${absent.join(', ')}`)

describe('events of the captures', () => {
  for (const [name, files] of present) {
    test(name, async () => {
      const found = await hashesOf(files)
      if (rewrite) {
        for (const line of differences(name, known[name] ?? {}, found)) console.log(line)
        known[name] = found
      } else expect(differences(name, known[name] ?? {}, found)).toEqual([])
    })
  }

  afterAll(() => {
    if (rewrite) writeFileSync(FILE, text(known))
  })
})

/** A line for each type of each capture, so that a difference of the file can be read. */
function text(all: Readonly<Record<string, EventHashes>>): string {
  const captures = Object.entries(all)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, types]) => {
      const lines = Object.entries(types).map(([type, fields]) => `"${type}":${JSON.stringify(fields)}`)
      return `"${name}":{\n${lines.join(',\n')}}`
    })
  return `{\n${captures.join(',\n')}\n}\n`
}

describe('the hashes', () => {
  const trade = (price: string, amount: string): TradeEvent => ({
    type: 'trade',
    venue: 'toy',
    symbol: 'BTC/USD',
    instrument: 'BTCUSD',
    channel: 'trade',
    n: 1,
    exchangeTime: 1,
    receiveTime: 2,
    sequence: null,
    id: '1',
    price,
    amount,
    amountUnit: 'base',
    side: 'buy',
    liquidation: false,
    historical: false,
  })
  const hashed = (...events: readonly MarketEvent[]): EventHashes => {
    const hasher = new EventHasher()
    for (const event of events) hasher.add(event)
    return hasher.end()
  }

  test('name the capture, the type and the field that changed, and no other', () => {
    const was = hashed(trade('1', '2'), trade('3', '4'))
    expect(differences('toy', was, hashed(trade('1', '2'), trade('3', '4')))).toEqual([])
    expect(differences('toy', was, hashed(trade('1', '2'), trade('3', '5')))).toEqual([
      'toy: trade.amount has other values',
    ])
  })

  test('name a field that is new or gone, events that are more or fewer, and another order', () => {
    const wider = { ...trade('1', '2'), extra: 1 }
    expect(differences('toy', hashed(trade('1', '2')), hashed(wider))).toEqual(['toy: trade.extra is new'])
    expect(differences('toy', hashed(wider), hashed(trade('1', '2')))).toEqual(['toy: trade.extra is gone'])
    expect(differences('toy', hashed(trade('1', '2')), hashed(trade('1', '2'), trade('1', '2')))).toContain(
      'toy: 2 events of type trade, where there were 1',
    )
    const other = { ...trade('1', '2'), channel: 'trade:x' }
    expect(differences('toy', hashed(trade('1', '2'), other), hashed(other, trade('1', '2')))).toContain(
      'toy: the events come in another order',
    )
  })
})

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { venues } from '../../connectors/index.js'
import type { MarketEvent } from '../../schemas/events.js'
import { type FrameRecord, openRecording, playRecording, readRecord } from '../../src/framelog/index.js'
import { handWritten } from './truth-file.js'

const folder = mkdtempSync(join(tmpdir(), 'tapewire-foreign-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const hand = (venue: string) => join(handWritten, venue, `${venue}-hand.jsonl`)

async function eventsOf(files: readonly string[], venue?: string): Promise<MarketEvent[]> {
  const events: MarketEvent[] = []
  const connectors = venues.map((known) => known.connector({}))
  const recording = await openRecording(files)
  await playRecording(recording.records(), { connectors, venue, onEvent: (event) => void events.push(event) })
  return events
}

function recordsOf(file: string): FrameRecord[] {
  return readFileSync(file, 'utf8').trimEnd().split('\n').map(readRecord)
}

/** The same capture as cryptofeed would have written it: no line for a close. */
function asCryptofeed(record: FrameRecord): string {
  const time = `${String(record.t).slice(0, -6)}.${String(record.t)
    .slice(-6)
    .replace(/0{1,5}$/, '')}`
  switch (record.dir) {
    case 'open':
      return `${record.url} <-> ${time}\n`
    case 'out':
      return `wss://x <- ${time}: ${record.data}\n`
    case 'in':
      return `${time}: ${record.data}\n`
    case 'rest':
      return `${record.url} -> ${time}: ${record.body}\n`
    case 'close':
      return ''
  }
}

/** The same capture as Tardis would have written it: only what was received. */
function asTardis(record: FrameRecord): string {
  if (record.dir === 'close') return '\n'
  if (record.dir !== 'in') return ''
  const second = new Date((record.t ?? 0) / 1000).toISOString().slice(0, 19)
  return `${second}.${String(record.t).slice(-6)}7Z ${record.data}\n`
}

/** Without what only the opening and the lists of instruments tell. */
function market(events: readonly MarketEvent[]): MarketEvent[] {
  return events.filter(({ type }) => type !== 'connection' && type !== 'instrument')
}

/** These formats do not say when and why a socket was lost. */
function withoutClose(event: MarketEvent): MarketEvent {
  return event.type === 'gap' && event.state === 'open' ? { ...event, receiveTime: 0, detail: '' } : event
}

test('captures of two venues at once give the events of each as they are alone', async () => {
  const together = await eventsOf([hand('bitmex'), hand('bitfinex')])
  for (const venue of ['bitfinex', 'bitmex']) {
    const alone = await eventsOf([hand(venue)])
    expect(alone.length).toBeGreaterThan(8)
    expect(JSON.stringify(together.filter((event) => event.venue === venue))).toBe(JSON.stringify(alone))
  }
  const times = together.map(({ receiveTime }) => receiveTime ?? 0)
  expect(times).toEqual([...times].sort((a, b) => a - b))
})

test.each(['bitfinex', 'bitmex'])('%s as cryptofeed records it gives the same events', async (venue) => {
  const path = join(folder, `${venue}.ws.1.0`)
  writeFileSync(path, recordsOf(hand(venue)).map(asCryptofeed).join(''))
  const own = market(await eventsOf([hand(venue)]))
  const foreign = market(await eventsOf([path]))
  expect(foreign.map(withoutClose)).toEqual(own.map(withoutClose))
})

test.each(['bitfinex', 'bitmex'])(
  '%s as Tardis records it gives the same events, where it is named',
  async (venue) => {
    const path = join(folder, `${venue}.gz`)
    writeFileSync(path, gzipSync(recordsOf(hand(venue)).map(asTardis).join('')))
    const own = market(await eventsOf([hand(venue)]))
    expect(market(await eventsOf([path], venue)).map(withoutClose)).toEqual(own.map(withoutClose))
  },
)

import { statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { StatusKeeper } from '../../cli/recording-status.js'
import { summaryText } from '../../cli/recording-summary.js'
import { bitfinex } from '../../connectors/bitfinex/index.js'
import { openTape, record, verifyFile } from '../../recorder/index.js'
import { bitfinexSimulator } from '../../simulators/index.js'
import type { Connector } from '../../src/connector.js'
import { openFeed } from '../../src/feed/feed.js'
import { serveSimulator } from '../../src/simulator/index.js'
import { systemClock } from '../../src/socket/clock.js'
import { temporaryPaths } from '../recorder/temporary.js'

const path = temporaryPaths()

/** A venue whose code loses every snapshot and change of its books: they are confirmed and never come. */
function withoutBooks(connector: Connector): Connector {
  return {
    ...connector,
    session: (init, sink) =>
      connector.session(init, {
        ...sink,
        emit: (event) => {
          if (event.type !== 'book_snapshot' && event.type !== 'book_update') sink.emit(event)
        },
      }),
  }
}

test('a book that was confirmed and never came is called so, by the summary as by verify', async () => {
  const server = await serveSimulator(bitfinexSimulator({ stepsPerSecond: 50 }))
  const connector = bitfinex({ url: server.url, symbols: ['BTC/USD'], channels: ['trade', 'book'] })
  const feed = openFeed([withoutBooks(connector)])
  const file = path()
  const recorder = openTape(file, { mode: 'write' })
  const keeper = new StatusKeeper(feed, recorder, systemClock(), { tape: null, raw: null })
  const onEvent = () => {
    const book = feed.streams().find(({ channel }) => channel === 'book')
    const trade = feed.streams().find(({ channel }) => channel === 'trade')
    if (book?.state === 'live' && trade?.state === 'live') void feed.close()
  }
  const summary = keeper.summary(await record(feed, recorder, { onEvent }), null, 0)
  await server.close()
  const why = 'the venue confirmed it and never sent a snapshot'
  expect(summary.streams.find(({ channel }) => channel === 'book')).toMatchObject({
    state: 'never came',
    began: false,
    reason: why,
  })
  expect(summaryText(summary).join('\n')).toContain(`bitfinex BTC/USD book: never came, ${why}`)
  const finding = verifyFile(file).findings.find(({ code }) => code === 'never_came')
  expect(finding).toMatchObject({ channel: 'book', what: expect.stringContaining(why) })
})

test('the size of a tape includes the log of SQLite beside it', async () => {
  const server = await serveSimulator(bitfinexSimulator({ stepsPerSecond: 50 }))
  const feed = openFeed([bitfinex({ url: server.url, symbols: ['BTC/USD'], channels: ['book'] })])
  const file = path()
  const recorder = openTape(file, { mode: 'write' })
  const keeper = new StatusKeeper(feed, recorder, systemClock(), { tape: null, raw: null })
  let compared = 0
  const onEvent = () => {
    const log = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
    if (log === 0) return
    expect(keeper.status().tape.bytes).toBe(statSync(file).size + log)
    compared++
    void feed.close()
  }
  const summary = keeper.summary(await record(feed, recorder, { onEvent }), null, 0)
  await server.close()
  expect(compared).toBeGreaterThan(0)
  expect(summary.tape?.bytes).toBe(statSync(file).size)
})

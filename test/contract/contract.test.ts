import { afterAll, describe, expect, test } from 'vitest'
import type { MarketEvent } from '../../schemas/events.js'
import { Report } from './report.js'
import { Stage } from './stage.js'
import { profiles, type VenueProfile } from './venues.js'

/**
 * What every connector must do, proved against its own simulator over real sockets. The cards are numbered and the same for
 * every venue; a venue skips one only with a reason, which the report prints (`npm run contract`).
 */
const report = new Report()

afterAll(() => report.print())

function card(
  number: number,
  title: string,
  profile: VenueProfile,
  run: () => Promise<void>,
  skip?: string,
): void {
  const { id } = profile.venue
  if (skip !== undefined) {
    report.skipped(number, title, id, skip)
    return
  }
  test.concurrent(`${number}. ${title}`, async () => {
    report.began(number, title, id)
    await run()
    report.passed(number, id)
  })
}

describe.each(profiles.map((profile) => [profile.venue.id, profile] as const))('%s', (_id, profile) => {
  const { venue, symbols, book, trade, options } = profile
  const [one, other] = symbols
  const open = (over: Partial<Parameters<typeof Stage.open>[1]> = {}) =>
    Stage.open(venue, {
      symbols,
      channels: [trade, book],
      ...(options === undefined ? {} : { connector: options }),
      ...over,
    })

  card(1, 'subscribes, and every stream comes alive', profile, async () => {
    await using stage = await open()
    for (const symbol of symbols) {
      const unified = await unifiedOf(stage, symbol)
      await stage.until(`a book of ${unified}`, () => stage.of('book_snapshot', unified).length > 0)
      await stage.until(
        `an update of ${unified}`,
        () => stage.of('book_update', unified).length > 0 || stage.of('book_snapshot', unified).length > 2,
      )
      await stage.until(`a trade of ${unified}`, () =>
        stage.of('trade', unified).some(({ historical }) => !historical),
      )
    }
    expect(stage.of('malformed')).toEqual([])
    expect(stage.of('gap')).toEqual([])
    expect(stage.of('connection').map(({ state }) => state)).not.toContain('refused')
  })

  card(2, 'a snapshot comes before any change', profile, async () => {
    await using stage = await open()
    const unified = await unifiedOf(stage, one)
    await stage.until('twenty changes', () => bookEvents(stage.events, unified).length > 20)
    expect(bookEvents(stage.events, unified)[0]?.type).toBe('book_snapshot')
  })

  card(3, 'an amount of twenty digits survives', profile, async () => {
    await using stage = await open()
    const unified = await unifiedOf(stage, one)
    const long = () =>
      bookEvents(stage.events, unified)
        .flatMap((event) => ('bids' in event ? [...event.bids, ...event.asks] : []))
        .find((level) => String(level.at(-1)).replace('.', '').length >= 20)
    await stage.until('an amount of twenty digits', () => long() !== undefined)
    expect(long()?.at(-1)).toMatch(/^[1-9.]+$/)
    expect(long()?.at(-1)).not.toMatch(/e/i)
  })

  card(4, 'an unsubscribed stream falls silent, its sibling does not', profile, async () => {
    await using stage = await open()
    const unified = await unifiedOf(stage, one)
    const sibling = await unifiedOf(stage, other)
    for (const symbol of [unified, sibling]) {
      await stage.until(`a book of ${symbol}`, () => bookEvents(stage.events, symbol).length > 3)
    }
    const held = stage.feed.book(venue.id, unified, book)
    stage.feed.unsubscribe(venue.id, [one], [book])
    const quiet = async () => {
      const before = bookEvents(stage.events, unified).length
      const siblings = bookEvents(stage.events, sibling).length
      await stage.until('news of the sibling', () => bookEvents(stage.events, sibling).length >= siblings + 5)
      return bookEvents(stage.events, unified).length === before
    }
    // The request goes out at the venue's pace, and what is on its way may still come; then silence for good.
    for (let tries = 0; tries < 30 && !(await quiet()); tries++);
    expect(await quiet()).toBe(true)
    expect(await quiet()).toBe(true)
    expect(stage.of('gap')).toEqual([])
    // Nobody keeps it any more.
    expect(held?.state).toBe('closed')
    expect(stage.feed.book(venue.id, unified, book)).toBeNull()
    expect(stage.feed.book(venue.id, sibling, book)?.state).toBe('live')
  })

  card(
    5,
    'a refusal of the venue is an event',
    profile,
    async () => {
      if (typeof profile.refused !== 'string') return
      await using stage = await open({
        symbols: [one, profile.refused],
        channels: [book],
        http: (path) => (profile.listing.test(path) ? { status: 503, body: 'away' } : null),
      })
      await stage.until('a refusal', () => stage.of('connection').some(({ state }) => state === 'refused'))
      const refusal = stage.of('connection').find(({ state }) => state === 'refused')
      expect(refusal?.reason).not.toBe('')
      const unified = await unifiedOf(stage, one)
      await stage.until('the other stream', () => bookEvents(stage.events, unified).length > 3)
    },
    typeof profile.refused === 'string' ? undefined : profile.refused.skip,
  )

  card(
    6,
    'heartbeats are answered',
    profile,
    async () => {
      const { heartbeat } = profile
      if ('skip' in heartbeat) return
      await using stage = await open({ haste: heartbeat.haste })
      await stage.until('an answered heartbeat', () => heartbeat.answered(stage.received))
      expect(stage.of('connection').map(({ state }) => state)).not.toContain('reconnecting')
    },
    'skip' in profile.heartbeat ? profile.heartbeat.skip : undefined,
  )

  card(7, 'a bad frame is malformed, and the feed goes on', profile, async () => {
    await using stage = await open()
    const unified = await unifiedOf(stage, one)
    await stage.until('a book', () => bookEvents(stage.events, unified).length > 3)
    stage.inject('{"this is":[no frame')
    await stage.until('the malformed event', () => stage.of('malformed').length > 0)
    expect(stage.of('malformed')[0]).toMatchObject({
      venue: venue.id,
      head: expect.stringContaining('this is'),
    })
    const before = bookEvents(stage.events, unified).length
    await stage.until('further changes', () => bookEvents(stage.events, unified).length > before + 5)
    expect(stage.feed.book(venue.id, unified, book)?.state).toBe('live')
  })

  card(8, 'a disconnect is a gap, then a fresh snapshot', profile, async () => {
    await using stage = await open()
    const unified = await unifiedOf(stage, one)
    await stage.until('a book', () => bookEvents(stage.events, unified).length > 3)
    await stage.until('a trade', () => stage.of('trade', unified).length > 0)
    stage.disconnect()
    await stage.until('the gap', () =>
      stage.of('gap', unified).some(({ channel, state }) => channel === book && state === 'open'),
    )
    await stage.until('the healing', () =>
      stage.of('gap', unified).some(({ channel, healed }) => channel === book && healed),
    )
    await stage.until('a live book', () => stage.feed.book(venue.id, unified, book)?.state === 'live')
    const stream = stage.events.filter(
      (event) => 'channel' in event && event.channel === book && event.symbol === unified,
    )
    const from = stream.findIndex((event) => event.type === 'gap')
    const after = stream.slice(from).map(({ type }) => type)
    expect(stream[from]).toMatchObject({ type: 'gap', reason: 'disconnected', state: 'open', healed: false })
    expect(after.slice(0, 3)).toEqual(['gap', 'gap', 'book_snapshot'])
    const ids = stage.of('trade', unified).map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  card(9, 'subscribing and unsubscribing at run time disturbs no sibling', profile, async () => {
    await using stage = await open({ symbols: [one] })
    const unified = await unifiedOf(stage, one)
    await stage.until('a book', () => bookEvents(stage.events, unified).length > 3)
    stage.feed.subscribe(venue.id, [other], [book])
    const sibling = await unifiedOf(stage, other)
    await stage.until('the further book', () => bookEvents(stage.events, sibling).length > 3)
    stage.feed.unsubscribe(venue.id, [other], [book])
    const before = bookEvents(stage.events, unified).length
    await stage.until('further changes', () => bookEvents(stage.events, unified).length > before + 5)
    expect(stage.of('gap')).toEqual([])
    expect(stage.feed.book(venue.id, unified, book)?.state).toBe('live')
  })

  card(10, 'two symbols never mix', profile, async () => {
    await using stage = await open()
    const names = new Map<string, string>()
    for (const symbol of symbols) {
      const unified = await unifiedOf(stage, symbol)
      await stage.until(`the book of ${unified}`, () => bookEvents(stage.events, unified).length > 10)
      names.set(unified, stage.feed.instrument(venue.id, symbol)?.instrument ?? '')
    }
    for (const event of stage.events)
      if ('symbol' in event) expect(names.get(event.symbol)).toBe(event.instrument)
    await expectTruth(stage, profile)
  })

  card(11, 'our book is the true book', profile, async () => {
    await using stage = await open()
    for (const symbol of symbols) {
      const unified = await unifiedOf(stage, symbol)
      await stage.until(`thirty changes of ${unified}`, () => bookEvents(stage.events, unified).length > 30)
    }
    await expectTruth(stage, profile)
    expect(stage.of('gap')).toEqual([])
    expect(stage.of('malformed')).toEqual([])
    expect(stage.of('checksum').filter(({ ok }) => !ok)).toEqual([])
  })
})

function bookEvents(events: readonly MarketEvent[], symbol: string): MarketEvent[] {
  return events.filter(
    (event) => (event.type === 'book_snapshot' || event.type === 'book_update') && event.symbol === symbol,
  )
}

async function unifiedOf(stage: Stage, symbol: string): Promise<string> {
  const [venue = ''] = [stage.simulator.venue]
  await stage.until(`the instrument ${symbol}`, () => stage.feed.instrument(venue, symbol) !== null)
  return stage.feed.instrument(venue, symbol)?.symbol ?? symbol
}

/** The market stands still, what was told of it catches up, and then every level that the venue shows is the true one. */
async function expectTruth(stage: Stage, { venue, symbols, book }: VenueProfile): Promise<void> {
  stage.freeze()
  for (const symbol of symbols) {
    const instrument = stage.feed.instrument(venue.id, symbol)
    const market = stage.simulator.markets.get(instrument?.instrument ?? '')
    expect(market, `the simulator has ${symbol}`).toBeDefined()
    const ours = () => stage.feed.book(venue.id, symbol, book)
    const true_ = () => market?.book.top(Math.min(20, ours()?.count('bids') ?? 0, ours()?.count('asks') ?? 0))
    const same = () => {
      const wanted = true_()
      return (
        (wanted?.bids.length ?? 0) > 3 &&
        JSON.stringify(ours()?.top(wanted?.bids.length ?? 0)) === JSON.stringify(wanted)
      )
    }
    await stage.until(`the true book of ${symbol}: ${JSON.stringify(true_())}`, same)
    expect(ours()?.top(5)).toEqual(market?.book.top(5))
    expect(ours()?.state).toBe('live')
  }
}

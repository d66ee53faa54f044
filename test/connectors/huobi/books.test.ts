import { describe, expect, it } from 'vitest'
import { granted, packed, sentBy, streamOf, T } from './frames.js'

const MBP = 'market.btcusdt.mbp.150'

function delta(
  prevSeqNum: number,
  seqNum: number,
  sides: object = { bids: [[100, 1]], asks: [] },
): Uint8Array {
  return packed({ ch: MBP, ts: 5, tick: { seqNum, prevSeqNum, ...sides } })
}

function answer(id: unknown, data: object | null): Uint8Array {
  return packed({ id, status: 'ok', ts: 6, rep: MBP, data })
}

const SNAPSHOT = {
  bids: [
    [99, 1],
    [98, '1.98E-4'],
  ],
  asks: [
    [101, 2.5],
    [102, '4.0E7'],
  ],
}

/** A spot book that stands at 10. */
function standing() {
  const run = granted([['BTC/USDT', 'book']])
  run.session.frame(delta(10, 11), T)
  const [request] = sentBy(run)
  run.session.frame(answer(request?.['id'], { seqNum: 10, ...SNAPSHOT }), T + 1000)
  return run
}

describe('the spot book', () => {
  it('asks for its snapshot with the first delta and joins them', () => {
    const run = granted([['BTC/USDT', 'book']])
    run.session.frame(delta(10, 11, { bids: [[99, '0.0']], asks: [[101, 3]] }), T)
    expect(sentBy(run)).toEqual([{ req: MBP, id: '2' }])
    run.session.frame(delta(11, 15), T)
    expect(run.sent).toEqual([])
    run.session.frame(answer('2', { seqNum: 10, ...SNAPSHOT }), T + 1000)
    const common = { symbol: 'BTC/USDT', instrument: 'btcusdt', channel: 'book' }
    expect(run.events.filter(({ type }) => type.startsWith('book'))).toEqual([
      {
        type: 'book_snapshot',
        venue: 'huobi',
        ...common,
        n: 1,
        receiveTime: T + 1000,
        exchangeTime: 6_000,
        sequence: '10',
        bids: [
          ['99', '1'],
          ['98', '0.000198'],
        ],
        asks: [
          ['101', '2.5'],
          ['102', '40000000'],
        ],
        amountUnit: 'base',
        depth: 150,
      },
      {
        type: 'book_update',
        venue: 'huobi',
        ...common,
        n: 2,
        receiveTime: T,
        exchangeTime: 5_000,
        sequence: '11',
        bids: [['99', '0']],
        asks: [['101', '3']],
      },
      {
        type: 'book_update',
        venue: 'huobi',
        ...common,
        n: 3,
        receiveTime: T,
        exchangeTime: 5_000,
        sequence: '15',
        bids: [['100', '1']],
        asks: [],
      },
    ])
    const { book } = run.memory.record('btcusdt', 'book')
    expect(book.top(5)).toEqual({
      bids: [
        ['100', '1'],
        ['98', '0.000198'],
      ],
      asks: [
        ['101', '3'],
        ['102', '40000000'],
      ],
    })
  })

  it('asks a second after the ack where the market is quiet', () => {
    const run = granted([['BTC/USDT', 'book']])
    run.until(T + 999_000)
    expect(run.sent).toEqual([])
    run.until(T + 1_000_000)
    expect(sentBy(run)).toEqual([{ req: MBP, id: '2' }])
    run.session.frame(answer('2', { seqNum: 10, ...SNAPSHOT }), T + 1_100_000)
    expect(run.of('book_snapshot')).toHaveLength(1)
    run.session.frame(delta(10, 12), T + 1_200_000)
    expect(run.of('book_update')).toHaveLength(1)
  })

  it.each([
    ['null', null],
    ['older than the buffer', { seqNum: 9, ...SNAPSHOT }],
    ['within a delta', { seqNum: 12, ...SNAPSHOT }],
  ])('asks again where the answer is %s, not sooner than the venue takes', (_name, data) => {
    const run = granted([['BTC/USDT', 'book']])
    run.session.frame(delta(11, 13), T)
    run.sent.splice(0)
    run.session.frame(answer('2', data), T)
    run.until(T + 149_000)
    expect(run.sent).toEqual([])
    run.until(T + 150_000)
    expect(sentBy(run)).toEqual([{ req: MBP, id: '3' }])
    run.session.frame(answer('3', { seqNum: 11, ...SNAPSHOT }), T + 200_000)
    expect(run.of('book_update')).toMatchObject([{ sequence: '13' }])
  })

  it('asks again where no answer comes', () => {
    const run = granted([['BTC/USDT', 'book']])
    run.session.frame(delta(11, 13), T)
    run.sent.splice(0)
    run.until(T + 3_000_000)
    expect(run.sent).toEqual([])
    run.until(T + 3_200_000)
    expect(sentBy(run)).toEqual([{ req: MBP, id: '3' }])
  })

  it.each(['429 too many request topic is market.btcusdt.mbp.150', 'request timeout'])(
    'asks again after "%s", without a word',
    (message) => {
      const run = granted([['BTC/USDT', 'book']])
      run.session.frame(delta(11, 13), T)
      const [request] = sentBy(run)
      run.session.frame(
        packed({
          status: 'error',
          ts: 1,
          id: request?.['id'],
          'err-code': 'bad-request',
          'err-msg': message,
        }),
        T,
      )
      run.until(T + 150_000)
      expect(sentBy(run)).toEqual([{ req: MBP, id: '3' }])
      expect(run.of('connection')).toEqual([])
    },
  )

  it('says once that the venue refuses its snapshot, asks for it more and more seldom, and delays no other', () => {
    const run = granted([
      ['BTC/USDT', 'book'],
      ['ETH/USDT', 'book'],
      ['DOGE/ETH', 'book'],
    ])
    run.session.frame(delta(11, 13), T)
    const times = new Map<string, number[]>()
    for (let now = T; now < T + 3_600_000_000; now += 50_000) {
      run.until(now)
      for (const { id, req } of sentBy(run)) {
        if (typeof req !== 'string') continue
        times.set(req, [...(times.get(req) ?? []), now - T])
        if (req !== MBP) continue
        run.session.frame(packed({ status: 'error', ts: 1, id, 'err-msg': `invalid topic ${MBP}` }), now)
        run.session.frame(delta(now, now + 1), now)
      }
    }
    expect(run.of('connection')).toMatchObject([
      { state: 'refused', reason: `${MBP}: invalid topic ${MBP}` },
      // These have no answer at all here, which is another matter.
      ...Array.from({ length: run.of('connection').length - 1 }, () => ({
        reason: expect.not.stringContaining('invalid'),
      })),
    ])
    const asked = times.get(MBP) ?? []
    const waits = asked.slice(1).map((time, index) => time - (asked[index] ?? 0))
    expect(waits[0]).toBeGreaterThanOrEqual(30_000_000)
    expect(waits.at(-1)).toBeGreaterThanOrEqual(600_000_000)
    expect(asked.length).toBeLessThan(12)
    for (const [topic, [first = 0]] of times) if (topic !== MBP) expect(first).toBeLessThan(1_500_000)
    expect(run.resubscribes.filter(({ instrument }) => instrument.symbol === 'BTC/USDT')).toEqual([])
    expect(run.reconnects).toEqual([])
  })

  it('is live as soon as the venue shows a snapshot that it refused before', () => {
    const run = granted([['BTC/USDT', 'book']])
    run.session.frame(delta(11, 13), T)
    const [first] = sentBy(run)
    run.session.frame(
      packed({ status: 'error', ts: 1, id: first?.['id'], 'err-msg': `invalid topic ${MBP}` }),
      T,
    )
    run.until(T + 30_000_000)
    const [second] = sentBy(run)
    expect(second).toMatchObject({ req: MBP })
    run.session.frame(
      packed({
        id: second?.['id'],
        rep: MBP,
        status: 'ok',
        ts: 1,
        data: { seqNum: 13, bids: [[1, 1]], asks: [[2, 1]] },
      }),
      T + 30_000_000,
    )
    expect(run.of('book_snapshot')).toHaveLength(1)
    expect(run.memory.record('btcusdt', 'book').book.state).toBe('live')
  })

  it('never asks twice within 100 ms, for however many books', () => {
    const symbols = ['BTC/USDT', 'ETH/USDT', 'XRP/USDT', 'TRX/USDT']
    const run = granted(symbols.map((symbol) => [symbol, 'book'] as const))
    for (const symbol of symbols) {
      const { instrument } = streamOf(symbol, 'book').instrument
      run.session.frame(
        packed({ ch: `market.${instrument}.mbp.150`, ts: 1, tick: { seqNum: 2, prevSeqNum: 1, bids: [] } }),
        T,
      )
    }
    const times: number[] = []
    for (let now = T; now <= T + 600_000; now += 1_000) {
      run.until(now)
      for (const { req } of sentBy(run)) if (req !== undefined) times.push(now - T)
    }
    expect(times).toEqual([0, 120_000, 240_000, 360_000])
  })

  it('tells a hole before anything else, heals without a new subscription, and goes on', () => {
    const run = standing()
    run.events.splice(0)
    run.session.frame(delta(12, 14), T + 2_000)
    run.session.frame(delta(14, 15), T + 3_000)
    expect(run.events).toMatchObject([
      {
        type: 'gap',
        state: 'open',
        reason: 'sequence',
        from: T + 1000,
        detail: 'expected prevSeqNum 11, got 12',
      },
    ])
    expect(run.memory.record('btcusdt', 'book').book.state).toBe('suspect')
    // The pace of the venue leaves 120 ms between two requests.
    run.until(T + 200_000)
    const [request] = sentBy(run)
    expect(request).toMatchObject({ req: MBP })
    run.session.frame(answer(request?.['id'], { seqNum: 12, ...SNAPSHOT }), T + 250_000)
    expect(
      run.events.slice(1).map((event) => [event.type, 'sequence' in event ? event.sequence : '']),
    ).toEqual([
      ['gap', ''],
      ['book_snapshot', '12'],
      ['book_update', '14'],
      ['book_update', '15'],
    ])
    expect(run.of('gap')[1]).toMatchObject({ state: 'closed', healed: true })
    expect([run.resubscribes, run.reconnects]).toEqual([[], []])
  })

  it('does not step back to an answer from before a delta that counts anew', () => {
    const run = standing()
    run.session.frame(delta(11, 20), T + 2_000)
    run.events.splice(0)
    run.session.frame(delta(0, 1), T + 3_000)
    run.until(T + 200_000)
    const [late] = sentBy(run)
    run.session.frame(answer(late?.['id'], { seqNum: 11, ...SNAPSHOT }), T + 250_000)
    expect(run.events).toMatchObject([{ type: 'gap', state: 'open', reason: 'sequence' }])
    run.until(T + 600_000)
    const [next] = sentBy(run)
    run.session.frame(delta(25, 30), T + 600_000)
    run.session.frame(answer(next?.['id'], { seqNum: 25, ...SNAPSHOT }), T + 650_000)
    expect(
      run.events.slice(1).map((event) => [event.type, 'sequence' in event ? event.sequence : '']),
    ).toEqual([
      ['gap', ''],
      ['book_snapshot', '25'],
      ['book_update', '30'],
    ])
  })

  it('takes sides that are absent, null or empty, and says nothing of a delta without rows', () => {
    const run = standing()
    const before = run.of('book_update').length
    for (const [previous, sequence, sides] of [
      [11, 12, {}],
      [12, 13, { bids: null, asks: [] }],
      [13, 14, { asks: [[101, 9]] }],
      [14, 15, { bids: [[99, '0.0']] }],
    ] as const) {
      run.session.frame(delta(previous, sequence, sides), T)
    }
    expect(run.of('book_update').slice(before)).toMatchObject([
      { bids: [], asks: [['101', '9']] },
      { bids: [['99', '0']], asks: [] },
    ])
    expect(run.of('gap')).toEqual([])
  })

  it('removes without a word what was never told: the chain is the proof', () => {
    const run = standing()
    run.session.frame(delta(11, 12, { bids: [[12.5, '0.0']], asks: [] }), T)
    expect([run.of('gap'), run.memory.record('btcusdt', 'book').book.state]).toEqual([[], 'live'])
  })

  it('takes a second answer for nothing while the book stands', () => {
    const run = standing()
    run.session.frame(answer('9', { seqNum: 10, ...SNAPSHOT }), T)
    run.session.frame(delta(11, 12), T)
    expect([run.of('book_snapshot').length, run.of('gap').length]).toEqual([1, 0])
  })

  it('a malformed delta is a hole in the chain, seen with the next', () => {
    const run = standing()
    run.session.frame(delta(11, 12, { bids: [[100, null]] }), T)
    run.session.frame(delta(12, 13), T)
    expect(run.events.slice(-2)).toMatchObject([
      { type: 'malformed', reason: 'schema_mismatch', path: 'tick.bids.0.1' },
      { type: 'gap', reason: 'sequence' },
    ])
  })

  it('names the place of a number that is none', () => {
    const run = standing()
    run.session.frame(
      delta(11, 12, {
        bids: [
          [100, 1],
          [101, 'NaN'],
        ],
      }),
      T,
    )
    expect(run.of('malformed')).toMatchObject([{ reason: 'not_decimal', path: 'tick.bids.1.1' }])
  })

  it('comes back after a crossed moment that lasts', () => {
    const run = standing()
    run.session.frame(delta(11, 12, { bids: [[101, 5]], asks: [] }), T + 10_000)
    run.until(T + 2_010_000)
    expect(run.of('gap')).toMatchObject([{ reason: 'crossed', state: 'open' }])
    // Deltas go on while the new subscription is on its way: the old chain does not stand in its way.
    run.session.frame(delta(12, 13), T + 2_020_000)
    const [stream] = run.resubscribes.splice(0)
    expect(stream?.channel).toBe('book')
    const [request] = sentBy(run).filter(({ req }) => req !== undefined)
    run.session.frame(answer(request?.['id'], { seqNum: 12, ...SNAPSHOT }), T + 2_100_000)
    expect(run.memory.record('btcusdt', 'book').book.state).toBe('live')
    expect(run.of('gap').at(-1)).toMatchObject({ state: 'closed', healed: true })
  })

  it('is good up to its snapshot where a delta that waited for that crosses it', () => {
    const run = granted([['BTC/USDT', 'book']])
    run.session.frame(delta(10, 11, { bids: [[101, 5]], asks: [] }), T)
    const [request] = sentBy(run)
    run.session.frame(answer(request?.['id'], { seqNum: 10, ...SNAPSHOT }), T + 1_000)
    run.until(T + 2_001_000)
    const [snapshot] = run.of('book_snapshot')
    expect(run.of('gap')).toMatchObject([
      { reason: 'crossed', state: 'open', from: T + 1_000, after: { n: snapshot?.n, key: '10' } },
    ])
  })

  it('is checked when it falls silent: a quiet market stays, a dead topic is a hole', () => {
    const run = standing()
    const check = (second: number) => {
      run.until(T + second * 1_000_000)
      return sentBy(run).map(({ req, id }) => [req, id])
    }
    expect(check(15)).toEqual([])
    expect(check(16)).toEqual([[MBP, '3']])
    run.session.frame(answer('3', { seqNum: 11, ...SNAPSHOT }), T + 16_000_000)
    expect([run.of('gap'), run.resubscribes]).toEqual([[], []])
    expect(check(31)).toEqual([[MBP, '4']])
    run.session.frame(answer('4', { seqNum: 12, ...SNAPSHOT }), T + 31_100_000)
    run.session.frame(answer('4', { seqNum: 14, ...SNAPSHOT }), T + 31_100_000)
    // A delta that was on its way closes part of the distance, not all of it.
    run.session.frame(delta(11, 12), T + 31_200_000)
    expect(run.of('gap')).toEqual([])
    run.until(T + 33_000_000)
    expect(run.of('gap')).toMatchObject([
      { state: 'open', reason: 'stale', detail: 'the venue is at 14, its deltas ended at 12' },
    ])
    expect(run.resubscribes).toHaveLength(1)
  })

  it('is not checked while deltas come', () => {
    const run = standing()
    for (let second = 1; second <= 60; second++) {
      run.session.frame(delta(10 + second, 11 + second), T + second * 1_000_000)
      run.until(T + second * 1_000_000)
    }
    expect(run.sent).toEqual([])
  })

  it('begins anew after the connection was lost', () => {
    const run = standing()
    run.session.closed({ code: 1003, reason: 'ping check expired, session: x' }, T + 5_000)
    expect(run.of('gap')).toMatchObject([
      { reason: 'disconnected', detail: 'ping check expired, session: x' },
    ])
    const again = granted([['BTC/USDT', 'book']], { memory: run.memory, instruments: run.instruments })
    again.session.frame(delta(500, 501), T + 9_000)
    const [request] = sentBy(again)
    again.session.frame(answer(request?.['id'], { seqNum: 500, ...SNAPSHOT }), T + 9_500)
    expect(again.events.filter(({ type }) => type !== 'instrument').map(({ type }) => type)).toEqual([
      'gap',
      'book_snapshot',
      'book_update',
    ])
  })

  it('does not step back on a new connection to an answer from before what was emitted', () => {
    const run = standing()
    run.session.closed({ code: 1006, reason: '' }, T + 5_000)
    const again = granted([['BTC/USDT', 'book']], { memory: run.memory, instruments: run.instruments })
    // Quiet: it asks without having seen a delta.
    const asked = (at: number) => {
      again.until(at)
      return sentBy(again)[0]?.['id']
    }
    again.session.frame(answer(asked(T + 1_200_000), { seqNum: 10, ...SNAPSHOT }), T + 1_300_000)
    expect(again.of('book_snapshot')).toEqual([])
    again.session.frame(answer(asked(T + 1_700_000), { seqNum: 11, ...SNAPSHOT }), T + 1_800_000)
    expect(again.of('book_snapshot')).toMatchObject([{ sequence: '11' }])
  })

  it('takes lower numbers on a new connection where no answer can lag that far behind', () => {
    const run = standing()
    run.session.closed({ code: 1006, reason: '' }, T + 5_000)
    const again = granted([['BTC/USDT', 'book']], { memory: run.memory, instruments: run.instruments })
    again.until(T + 6_000_000)
    const [request] = sentBy(again)
    again.session.frame(answer(request?.['id'], { seqNum: 3, ...SNAPSHOT }), T + 6_000_000)
    expect(again.of('book_snapshot')).toMatchObject([{ sequence: '3' }])
  })

  it('leaves nothing behind when it is given up', () => {
    const run = granted([['BTC/USDT', 'book']])
    run.session.unsubscribe([streamOf('BTC/USDT', 'book')], T)
    run.sent.splice(0)
    run.session.frame(delta(10, 11), T)
    run.until(T + 60_000_000)
    expect(run.sent).toEqual([])
  })

  it.each(['5', '20', '400'] as const)('comes with %s levels as well', (levels) => {
    const topic = `market.btcusdt.mbp.${levels}`
    const run = granted([['BTC/USDT', `book:${levels}`]])
    run.session.frame(packed({ ch: topic, ts: 1, tick: { seqNum: 2, prevSeqNum: 1, bids: [[1, 1]] } }), T)
    const [request] = sentBy(run)
    expect(request).toMatchObject({ req: topic })
    run.session.frame(
      packed({ id: request?.['id'], status: 'ok', ts: 1, rep: topic, data: { seqNum: 1, ...SNAPSHOT } }),
      T,
    )
    expect(run.of('book_snapshot')).toMatchObject([{ channel: `book:${levels}`, depth: Number(levels) }])
  })
})

describe('the book of derivatives', () => {
  const ch = 'market.BTC-USDT.depth.size_150.high_freq'
  const frame = (event: string, version: unknown, sides: object) =>
    packed({ ch, ts: 9, tick: { ...sides, ch, event, id: 1, mrid: 1, ts: 7, version } })
  const begun = () => {
    const run = granted([['BTC/USDT:USDT', 'book']])
    run.session.frame(
      frame('snapshot', 1_789_895_280_797, { bids: [[86_853.4, 5]], asks: [[86_853.5, 7]] }),
      T,
    )
    return run
  }

  it('begins with a snapshot and follows the versions', () => {
    const run = begun()
    run.session.frame(
      frame('update', 1_789_895_280_798, {
        asks: [],
        bids: [
          [86_853.4, 0],
          [86_853.3, 2],
        ],
      }),
      T,
    )
    expect(run.of('book_snapshot')).toMatchObject([
      {
        sequence: '1789895280797',
        exchangeTime: 7_000,
        depth: 150,
        amountUnit: 'contract',
        bids: [['86853.4', '5']],
      },
    ])
    expect(run.of('book_update')).toMatchObject([
      {
        sequence: '1789895280798',
        bids: [
          ['86853.4', '0'],
          ['86853.3', '2'],
        ],
      },
    ])
    expect(run.memory.record('BTC-USDT', 'book').book.best().bid).toEqual(['86853.3', '2'])
  })

  it('drops what comes before the snapshot', () => {
    const run = granted([['BTC/USDT:USDT', 'book']])
    run.session.frame(frame('update', 5, { bids: [[1, 1]], asks: [] }), T)
    run.session.frame(frame('snapshot', 6, { bids: [[2, 1]], asks: [] }), T)
    run.session.frame(frame('update', 7, { bids: [[1, 1]], asks: [] }), T)
    expect(run.events.map(({ type }) => type)).toEqual(['book_snapshot', 'book_update'])
  })

  it('lets an empty update carry the version on', () => {
    const run = begun()
    run.session.frame(frame('update', 1_789_895_280_798, { bids: [], asks: null }), T)
    run.session.frame(frame('update', 1_789_895_280_799, { bids: [[1, 1]] }), T)
    expect([run.of('gap').length, run.of('book_update').length]).toEqual([0, 1])
  })

  it.each([
    ['a version is missing', 1_789_895_280_799],
    ['the versions go back', 1_789_895_280_700],
    ['the versions begin again', 1],
  ])('is asked for again where %s', (_name, version) => {
    const run = begun()
    run.session.frame(frame('update', version, { bids: [[1, 1]], asks: [] }), T + 1)
    expect(run.of('gap')).toMatchObject([
      { state: 'open', reason: 'sequence', detail: `expected version 1789895280798, got ${version}` },
    ])
    expect(run.resubscribes).toHaveLength(1)
    run.session.resubscribe(streamOf('BTC/USDT:USDT', 'book'), T + 2)
    expect(sentBy(run).map((sent) => Object.keys(sent)[0])).toEqual(['unsub', 'sub'])
    run.session.frame(frame('update', version + 1, { bids: [[1, 1]], asks: [] }), T + 3)
    run.session.frame(frame('snapshot', 40, { bids: [[3, 1]], asks: [] }), T + 4)
    expect(run.events.slice(-2)).toMatchObject([
      { type: 'gap', state: 'closed', healed: true },
      { type: 'book_snapshot' },
    ])
  })

  it('takes a repeated update for nothing', () => {
    const run = begun()
    for (let time = 0; time < 2; time++)
      run.session.frame(frame('update', 1_789_895_280_798, { bids: [[1, 1]], asks: [] }), T)
    expect([run.of('book_update').length, run.of('gap').length]).toEqual([1, 0])
  })

  it('takes a second snapshot for the beginning of a new chain', () => {
    const run = begun()
    run.session.frame(frame('snapshot', 50, { bids: null, asks: [[9, 1]] }), T)
    run.session.frame(frame('update', 51, { bids: [[8, 1]], asks: [] }), T)
    expect(run.of('gap')).toEqual([])
    expect(run.memory.record('BTC-USDT', 'book').book.top(3)).toEqual({
      bids: [['8', '1']],
      asks: [['9', '1']],
    })
  })
})

describe('books that come whole', () => {
  it('are snapshots, frame by frame', () => {
    const ch = 'market.btcusdt.mbp.refresh.5'
    const run = granted([['BTC/USDT', 'book:refresh5']])
    for (const seqNum of [5, 6, 6])
      run.session.frame(packed({ ch, ts: 3, tick: { seqNum, bids: [[1, 1]], asks: [[2, 1]] } }), T)
    expect(
      run.of('book_snapshot').map(({ sequence, depth, exchangeTime }) => [sequence, depth, exchangeTime]),
    ).toEqual([
      ['5', 5, 3_000],
      ['6', 5, 3_000],
      ['6', 5, 3_000],
    ])
  })

  it('are left out where they are older than one before, until the counter proves to have begun anew', () => {
    const ch = 'market.btcusdt.mbp.refresh.5'
    const run = granted([['BTC/USDT', 'book:refresh5']])
    for (const seqNum of [50, 49, 51, 3, 4, 5, 6])
      run.session.frame(packed({ ch, ts: 3, tick: { seqNum, bids: [], asks: [] } }), T)
    expect(run.of('book_snapshot').map(({ sequence }) => sequence)).toEqual(['50', '51', '5', '6'])
  })

  it('are left out where their own time is older as well, however many of them come', () => {
    const ch = 'market.btcusdt.mbp.refresh.5'
    const run = granted([['BTC/USDT', 'book:refresh5']])
    const frames = [
      [50, 100],
      [46, 96],
      [47, 97],
      [48, 98],
      [49, 99],
      [51, 101],
      // Lower, but not of one run that goes on.
      [9, 102],
      [7, 103],
      [5, 104],
      [52, 105],
      [1, 106],
      [2, 107],
      [3, 108],
    ] as const
    for (const [seqNum, ts] of frames)
      run.session.frame(packed({ ch, ts, tick: { seqNum, bids: [], asks: [] } }), T)
    expect(run.of('book_snapshot').map(({ sequence }) => sequence)).toEqual(['50', '51', '52', '3'])
  })

  it('are numbered by version on spot and by mrid on derivatives, whose version is a clock', () => {
    const run = granted([
      ['BTC/USDT', 'book:step0'],
      ['BTC/USD:BTC', 'book:step6'],
      ['BTC/USD:BTC', 'book:step7'],
    ])
    const sides = { bids: [[2, 1]], asks: [[3, 1]] }
    run.session.frame(
      packed({ ch: 'market.btcusdt.depth.step0', ts: 9, tick: { ...sides, version: 4, ts: 8 } }),
      T,
    )
    for (const step of ['step6', 'step7']) {
      const tick = { mrid: 5, id: 1_645_289_384, version: 1_645_289_384, ts: 7, ...sides }
      run.session.frame(packed({ ch: `market.BTC-USD.depth.${step}`, ts: 9, tick }), T)
    }
    expect(
      run.of('book_snapshot').map(({ sequence, exchangeTime, depth }) => [sequence, exchangeTime, depth]),
    ).toEqual([
      ['4', 8_000, 150],
      ['5', 7_000, 30],
      ['5', 7_000, 20],
    ])
  })

  it('may lack a side or both: a halted contract', () => {
    const ch = 'market.GST-USDT.depth.step0'
    const run = granted([['GST/USDT:USDT', 'book:step0']])
    run.session.frame(packed({ ch, ts: 9, tick: { mrid: 5, ts: 7, asks: [[3, 1]] } }), T)
    run.session.frame(packed({ ch, ts: 9, tick: { mrid: 5, ts: 8 } }), T)
    expect(run.of('book_snapshot').map(({ bids, asks }) => [bids, asks])).toEqual([
      [[], [['3', '1']]],
      [[], []],
    ])
  })

  it('are put in order where the venue did not, and hold nothing empty', () => {
    const ch = 'market.btcusdt.depth.step0'
    const run = granted([['BTC/USDT', 'book:step0']])
    const tick = {
      bids: [
        [1, 1],
        [2, 1],
        [1.5, '0.0'],
      ],
      asks: [
        [4, 1],
        [3, 2],
      ],
      version: 1,
      ts: 1,
    }
    run.session.frame(packed({ ch, ts: 9, tick }), T)
    expect(run.of('book_snapshot')).toMatchObject([
      {
        bids: [
          ['2', '1'],
          ['1', '1'],
        ],
        asks: [
          ['3', '2'],
          ['4', '1'],
        ],
      },
    ])
  })
})

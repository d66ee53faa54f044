import { describe, expect, it } from 'vitest'
import { bookChecksum } from '../../../connectors/bitfinex/checksum.js'
import { SECOND, Talk } from './talk.js'

const BOOK = '[[6000,1,1],[5900,3,2],[6100,1,-3],[6200,2,-4]]'

/** A session with one open book on channel 8. */
function withBook(symbol = 'tBTCUSD', channel: 'book' | 'order' | 'book:P1' = 'book', snapshot = BOOK): Talk {
  return new Talk().greet().open(symbol, channel, 8).data(8, snapshot)
}

describe('a book', () => {
  it('begins with a snapshot, best first, amounts without their sign', () => {
    const talk = withBook()
    expect(talk.of('book_snapshot')).toMatchObject([
      {
        symbol: 'BTC/USD',
        instrument: 'tBTCUSD',
        channel: 'book',
        bids: [
          ['6000', '1'],
          ['5900', '2'],
        ],
        asks: [
          ['6100', '3'],
          ['6200', '4'],
        ],
        depth: 100,
        amountUnit: 'base',
        sequence: '1',
        exchangeTime: talk.now,
        receiveTime: talk.now,
      },
    ])
  })

  it('changes by one level a frame', () => {
    const talk = withBook()
      .data(8, '[6050,1,0.5]')
      .data(8, '[6100,0,-1]')
      .data(8, '[6000,0,1]')
      .data(8, '[6200,2,-1.5]')
    expect(talk.of('book_update').map(({ bids, asks }) => [bids, asks])).toEqual([
      [[['6050', '0.5']], []],
      [[], [['6100', '0']]],
      [[['6000', '0']], []],
      [[], [['6200', '1.5']]],
    ])
    expect(talk.book('tBTCUSD').top(5)).toEqual({
      bids: [
        ['6050', '0.5'],
        ['5900', '2'],
      ],
      asks: [['6200', '1.5']],
    })
  })

  it('is exact where the venue prints exponents', () => {
    const talk = withBook('tPEPE:USD', 'book', '[[2e-8,1,1e-7],[6.6e-7,1,-12345678901234567890.12345678]]')
    expect(talk.of('book_snapshot')).toMatchObject([
      { bids: [['0.00000002', '0.0000001']], asks: [['0.00000066', '12345678901234567890.12345678']] },
    ])
    expect(talk.data(8, '[2e-8,0,1]').book('tPEPE:USD').count('bids')).toBe(0)
  })

  it('may be empty, and a side may become so', () => {
    const talk = withBook('tBTCUSD', 'book', '[]')
    expect(talk.of('book_snapshot')).toMatchObject([{ bids: [], asks: [] }])
    talk.data(8, '[10,1,1]').data(8, '[10,0,1]')
    expect(talk.of('book_update')).toHaveLength(2)
    expect(talk.of('gap')).toEqual([])
  })

  it('takes rows that have grown by a field', () => {
    const talk = withBook('tBTCUSD', 'book', '[[6000,1,1,"new"]]').data(8, '[6000,2,5,null,7]')
    expect(talk.book('tBTCUSD').top(1).bids).toEqual([['6000', '5']])
  })

  it('is replaced by a second list that nobody asked for', () => {
    const talk = withBook().data(8, '[[10,1,1],[11,1,-1]]')
    expect(talk.of('book_snapshot')).toHaveLength(2)
    expect(talk.book('tBTCUSD').count('bids')).toBe(1)
  })

  it('is updated by a list that removes something, which only bulk frames do', () => {
    const talk = withBook().data(8, '[[6000,0,1],[5950,1,9],[6100,1,-7]]')
    expect(talk.of('book_snapshot')).toHaveLength(1)
    expect(talk.of('book_update')).toMatchObject([
      {
        bids: [
          ['6000', '0'],
          ['5950', '9'],
        ],
        asks: [['6100', '7']],
      },
    ])
  })

  it('that begins with an update is asked for again and shows nothing', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'book', 8).data(8, '[6000,1,1]')
    expect(talk.of('gap')).toMatchObject([{ detail: 'an update came before the first snapshot' }])
    expect(talk.of('book_update')).toEqual([])
    expect(talk.harness.resubscribes).toHaveLength(1)
  })

  it('that loses a level it does not have is suspect until the next snapshot', () => {
    const talk = withBook().data(8, '[5000,0,1]').data(8, '[5900,1,7]')
    expect(talk.of('gap')).toMatchObject([{ reason: 'sequence', state: 'open' }])
    expect(talk.of('book_update')).toEqual([])
    expect(talk.harness.resubscribes).toHaveLength(1)
  })

  it.each([
    ['a null price', '[null,1,1]', 'schema_mismatch', '1.0'],
    ['a price that is no number', '["abc",1,1]', 'not_decimal', ''],
    ['a missing amount', '[6000,1]', 'schema_mismatch', '1.2'],
    ['no row at all', 'null', 'schema_mismatch', '1'],
    ['a broken row in a list', '[[6000,1,1],[1,2,false]]', 'schema_mismatch', '1.1.2'],
    ['an unknown tag', '"xx",[1]', 'unknown_message', ''],
    ['a checksum that is none', '"cs","abc"', 'schema_mismatch', '2'],
  ])('survives %s', (_, payload, reason, path) => {
    const talk = withBook().data(8, payload).data(8, '[6000,1,9]')
    expect(talk.of('malformed')).toMatchObject([{ reason, path }])
    expect(talk.of('book_update')).toHaveLength(1)
    expect(talk.of('gap')).toEqual([])
  })

  it('of merged prices is a stream of its own', () => {
    const talk = withBook().open('tBTCUSD', 'book:P1', 9).data(9, '[[5000,1,1]]').data(8, '[6000,0,1]')
    expect(talk.of('book_snapshot').map(({ channel }) => channel)).toEqual(['book', 'book:P1'])
    expect(talk.book('tBTCUSD', 'book:P1').top(1).bids).toEqual([['5000', '1']])
  })
})

describe('a book that lacks what the venue removes', () => {
  it.each([
    ['levels', withBook(), '[5900,1,2.5]', '[5800,0,1]', 'removed level(s) were not in the book'],
    [
      'orders',
      withBook('tBTCUSD', 'order', '[[9,6000,1],[7,6100,-3]]'),
      '[9,6000,2]',
      '[1,0,1]',
      'removed order 1',
    ],
    [
      'loans',
      withBook('fUSD', 'book', '[[0.0002,30,1,-25.5],[0.0003,2,1,70]]'),
      '[0.0002,30,1,-20]',
      '[0.0002,120,0,-1]',
      'for 120 days was not in the book',
    ],
  ])('of %s has a gap since it was last known to be right', (_, talk, change, removal, detail) => {
    const proved = talk.now
    talk.wait(1_000).data(8, change).wait(1_000).data(8, removal)
    expect(talk.of('gap')).toMatchObject([
      { reason: 'sequence', state: 'open', from: proved, detail: expect.stringContaining(detail) },
    ])
    expect(talk.of('gap')[0]?.receiveTime).toBe(proved + 2 * SECOND)
  })

  it('has it since the last checksum that fitted', () => {
    const talk = withBook().wait(1_000).data(8, '"cs",1756193398')
    const proved = talk.now
    talk.wait(1_000).data(8, '[5900,1,2.5]').wait(1_000).data(8, '[5800,0,1]')
    expect(talk.of('gap')).toMatchObject([{ reason: 'sequence', from: proved }])
  })
})

describe('the checksum', () => {
  it('that fits is told as a proof', () => {
    const talk = withBook().data(8, '"cs",1756193398').data(8, '[5900,1,2.5]').data(8, '"cs",-1829363146')
    expect(talk.of('checksum')).toMatchObject([
      { ok: true, expected: '1756193398', actual: '1756193398', sequence: '2' },
      { ok: true, expected: '-1829363146' },
    ])
    expect(talk.of('gap')).toEqual([])
  })

  it('that does not fit is a gap first, and only that book is asked for again', () => {
    const talk = withBook().open('tETHUSD', 'book', 9).data(9, BOOK).data(8, '"cs",5')
    expect(talk.harness.events.slice(-2).map(({ type }) => type)).toEqual(['gap', 'checksum'])
    expect(talk.of('checksum')).toMatchObject([{ ok: false, expected: '5', actual: '1756193398' }])
    expect(talk.harness.resubscribes.map(({ instrument }) => instrument.instrument)).toEqual(['tBTCUSD'])
    expect(talk.book('tETHUSD').state).toBe('live')
    // What comes until the fresh snapshot proves nothing.
    talk.data(8, '"cs",6')
    expect(talk.of('checksum')).toHaveLength(1)
  })

  it('that fails again after each fresh snapshot replaces the connection', () => {
    const talk = withBook()
    for (let turn = 0; turn < 3; turn++) {
      talk.data(8 + turn, '"cs",5').resubscribe()
      talk.sent()
      talk.say(`{"event":"unsubscribed","status":"OK","chanId":${8 + turn}}`).ack(9 + turn)
      expect(talk.harness.reconnects).toHaveLength(turn === 2 ? 1 : 0)
      talk.data(9 + turn, BOOK)
    }
    expect(talk.harness.reconnects).toEqual(['3 checksums of BTC/USD in a row do not fit'])
    expect(talk.of('gap').filter(({ state }) => state === 'closed')).toHaveLength(3)
  })

  it('covers the best 25 of a longer book', () => {
    const bids = Array.from({ length: 40 }, (_, at) => [String(900 - at), '1'] as const)
    const rows = bids.map(([price]) => `[${price},1,1]`).join(',')
    const talk = withBook('tBTCUSD', 'book', `[${rows}]`).data(
      8,
      `"cs",${bookChecksum(bids.slice(0, 25), [])}`,
    )
    expect(talk.of('checksum')).toMatchObject([{ ok: true }])
  })

  it('before the snapshot proves nothing', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'book', 8).data(8, '"cs",0')
    expect(talk.harness.events).toEqual([])
  })

  it('of loans is not to be relied on', () => {
    const talk = withBook('fUSD', 'book', '[[0.0002,30,1,5]]').data(8, '"cs",5')
    expect(talk.of('checksum')).toEqual([])
    expect(talk.book('fUSD').state).toBe('live')
  })
})

describe('a book of single orders', () => {
  const ORDERS = '[[34006738528,5900,1],[34006738527,5900,0.2],[34007664061,6100,-0.5]]'

  it('tells orders, and its levels follow', () => {
    const talk = withBook('tBTCUSD', 'order', ORDERS)
    expect(talk.of('order_snapshot')).toMatchObject([
      {
        channel: 'order',
        bids: [
          ['34006738528', '5900', '1'],
          ['34006738527', '5900', '0.2'],
        ],
        asks: [['34007664061', '6100', '0.5']],
        depth: 100,
      },
    ])
    expect(talk.book('tBTCUSD', 'order').top(1)).toEqual({ bids: [['5900', '1.2']], asks: [['6100', '0.5']] })
  })

  it('lets an order come, move and leave', () => {
    const talk = withBook('tBTCUSD', 'order', ORDERS)
    talk.data(8, '[9,6000,3]').data(8, '[9,5950,3]').data(8, '[9,0,1]').data(8, '[34007664061,0,-1]')
    expect(talk.of('order_update').map(({ bids, asks }) => [...bids, ...asks])).toEqual([
      [['9', '6000', '3']],
      [['9', '5950', '3']],
      [['9', '5950', '0']],
      [['34007664061', '6100', '0']],
    ])
    expect(talk.book('tBTCUSD', 'order').top(5)).toEqual({ bids: [['5900', '1.2']], asks: [] })
  })

  it('signs ids, orders of one price by rising id', () => {
    const talk = withBook('tBTCUSD', 'order', ORDERS).data(8, '"cs",-1909302327')
    expect(talk.of('checksum')).toMatchObject([{ ok: true }])
  })

  it('that loses an order it does not have is suspect', () => {
    const talk = withBook('tBTCUSD', 'order', ORDERS).data(8, '[1,0,1]')
    expect(talk.of('gap')).toMatchObject([{ detail: 'removed order 1 was not in the book' }])
  })
})

describe('a book of loans', () => {
  const LOANS = '[[0.00021,30,1,-100],[0.0002,2,2,-50],[0.0002,30,1,-25.5],[0.0003,2,1,70]]'

  it('has the signs the other way round, and a level is a rate with its periods summed', () => {
    const talk = withBook('fUSD', 'book', LOANS)
    expect(talk.of('book_snapshot')).toMatchObject([
      {
        symbol: 'fUSD',
        bids: [
          ['0.00021', '100'],
          ['0.0002', '75.5'],
        ],
        asks: [['0.0003', '70']],
      },
    ])
  })

  it('changes by rate and period', () => {
    const talk = withBook('fUSD', 'book', LOANS)
    talk
      .data(8, '[0.0002,2,1,-10]')
      .data(8, '[0.0002,30,0,-1]')
      .data(8, '[0.0002,2,0,-1]')
      .data(8, '[0.0003,7,1,5]')
    expect(talk.of('book_update').map(({ bids, asks }) => [...bids, ...asks])).toEqual([
      [['0.0002', '35.5']],
      [['0.0002', '10']],
      [['0.0002', '0']],
      [['0.0003', '75']],
    ])
    talk.data(8, '[[0.00021,30,0,-1],[0.00019,2,1,-1]]')
    expect(talk.book('fUSD').top(5).bids).toEqual([['0.00019', '1']])
  })

  it('that loses a rate for a period that it does not have is suspect', () => {
    const talk = withBook('fUSD', 'book', LOANS).data(8, '[0.0002,120,0,-1]')
    expect(talk.of('gap')).toMatchObject([
      { detail: 'removed level 0.0002 for 120 days was not in the book' },
    ])
  })

  it('is told offer by offer as well', () => {
    const talk = withBook('fUSD', 'order', '[[658282397,30,0.000233,-530],[7,2,0.0003,12]]')
    talk.data(8, '[7,2,0.0003,10]').data(8, '[658282397,30,0,-1]').data(8, '"cs",1')
    expect(talk.of('order_snapshot')).toMatchObject([
      { bids: [['658282397', '0.000233', '530']], asks: [['7', '0.0003', '12']] },
    ])
    expect(talk.of('order_update').map(({ bids, asks }) => [...bids, ...asks])).toEqual([
      [['7', '0.0003', '10']],
      [['658282397', '0.000233', '0']],
    ])
  })
})

import { describe, expect, it } from 'vitest'
import type { Harness } from '../../support/harness.js'
import { asked, emptyPartial, reading, requests, SECOND, T, table } from './conversation.js'

const PARTIAL = table(
  'orderBookL2',
  'partial',
  '{"symbol":"XBTUSD","id":8796781500,"side":"Sell","size":300,"price":32185}',
  '{"symbol":"XBTUSD","id":8796781600,"side":"Sell","size":100,"price":32184}',
  '{"symbol":"XBTUSD","id":8796781700,"side":"Buy","size":200,"price":32183}',
  '{"symbol":"XBTUSD","id":8796781800,"side":"Buy","size":500,"price":32182}',
)

function live(): Harness {
  const run = asked('book', ['XBTUSD'])
  run.session.frame(PARTIAL, T + SECOND)
  run.events.length = 0
  return run
}

function top(run: Harness, symbol = 'XBTUSD') {
  return run.memory.peek(symbol, 'book')?.book.top(10)
}

function state(run: Harness, symbol = 'XBTUSD') {
  return run.memory.peek(symbol, 'book')?.book.state
}

describe('the book of a table', () => {
  it('begins with the partial, best first, whatever order the rows came in', () => {
    const run = asked('book', ['XBTUSD'])
    run.session.frame(PARTIAL, T)
    expect(run.of('book_snapshot')).toMatchObject([
      {
        symbol: 'BTC/USD:BTC',
        channel: 'book',
        bids: [
          ['32183', '200'],
          ['32182', '500'],
        ],
        asks: [
          ['32184', '100'],
          ['32185', '300'],
        ],
        amountUnit: 'contract',
        depth: null,
        exchangeTime: null,
        receiveTime: T,
      },
    ])
    const arbitrary = table(
      'orderBookL2',
      'partial',
      '{"symbol":"XBTUSD","id":7,"side":"Buy","size":2,"price":99.5}',
      '{"symbol":"XBTUSD","id":1,"side":"Sell","size":1,"price":101.0}',
      '{"symbol":"XBTUSD","id":9,"side":"Buy","size":3,"price":100}',
      '{"symbol":"XBTUSD","id":3,"side":"Sell","size":1,"price":100.5}',
      '{"symbol":"XBTUSD","id":2,"side":"Sell","size":1,"price":103}',
    )
    run.session.frame(arbitrary, T)
    expect(run.of('book_snapshot').at(-1)).toMatchObject({
      bids: [
        ['100', '3'],
        ['99.5', '2'],
      ],
      asks: [
        ['100.5', '1'],
        ['101', '1'],
        ['103', '1'],
      ],
    })
  })

  it('finds the price of old updates and deletes by their id', () => {
    const run = live()
    run.session.frame(
      table(
        'orderBookL2',
        'update',
        '{"symbol":"XBTUSD","id":8796781700,"side":"Buy","size":7}',
        '{"symbol":"XBTUSD","id":8796781500,"side":"Sell","size":8}',
      ),
      T,
    )
    run.session.frame(table('orderBookL2', 'delete', '{"symbol":"XBTUSD","id":8796781600,"side":"Sell"}'), T)
    expect(run.of('book_update').map(({ bids, asks }) => ({ bids, asks }))).toEqual([
      { bids: [['32183', '7']], asks: [['32185', '8']] },
      { bids: [], asks: [['32184', '0']] },
    ])
    expect(top(run)).toEqual({
      bids: [
        ['32183', '7'],
        ['32182', '500'],
      ],
      asks: [['32185', '8']],
    })
  })

  it('tells one update for each frame and symbol, however many rows it has', () => {
    const run = asked('book', ['XBTUSD', 'ETHUSD'])
    run.session.frame(PARTIAL, T)
    run.session.frame(emptyPartial('orderBookL2', 'ETHUSD'), T)
    run.session.frame(
      table(
        'orderBookL2',
        'insert',
        '{"symbol":"XBTUSD","id":1,"side":"Buy","size":1,"price":3}',
        '{"symbol":"ETHUSD","id":1,"side":"Buy","size":5,"price":2}',
        '{"symbol":"XBTUSD","id":2,"side":"Buy","size":2,"price":4}',
      ),
      T,
    )
    expect(run.of('book_update').map(({ instrument, bids }) => [instrument, bids])).toEqual([
      [
        'XBTUSD',
        [
          ['3', '1'],
          ['4', '2'],
        ],
      ],
      ['ETHUSD', [['2', '5']]],
    ])
  })

  it('knows the row of one id on both sides apart', () => {
    const run = live()
    run.session.frame(table('orderBookL2', 'delete', '{"symbol":"XBTUSD","id":8796781600,"side":"Sell"}'), T)
    run.session.frame(
      table(
        'orderBookL2',
        'insert',
        '{"symbol":"XBTUSD","id":8796781600,"side":"Buy","size":4,"price":32184}',
      ),
      T,
    )
    expect(top(run)?.bids[0]).toEqual(['32184', '4'])
    expect(run.of('gap')).toEqual([])
  })

  it('reads the rows of 2026, with time, price and pool', () => {
    const run = asked('book', ['XBTUSD'])
    const row = (id: number, side: string, size: string, price: string) =>
      `{"symbol":"XBTUSD","id":${id},"side":"${side}","size":${size},"price":${price},` +
      '"timestamp":"2026-03-02T10:00:00.123Z","transactTime":"2026-03-02T10:00:00.120Z","pool":"Primary"}'
    run.session.frame(table('orderBookL2', 'partial', row(62400580205, 'Sell', '33000', '98459.9')), T)
    run.session.frame(table('orderBookL2', 'insert', row(5, 'Buy', '1', '98000')), T)
    run.session.frame(table('orderBookL2', 'update', row(5, 'Buy', '2', '98000')), T)
    expect(top(run)).toEqual({ bids: [['98000', '2']], asks: [['98459.9', '33000']] })
    run.session.frame(table('orderBookL2', 'delete', row(5, 'Buy', '2', '98000')), T)
    expect(top(run)?.bids).toEqual([])
    const time = Date.UTC(2026, 2, 2, 10, 0, 0, 123) * 1000
    expect(run.of('book_update').map(({ exchangeTime }) => exchangeTime)).toEqual([time, time, time])
  })

  it('follows a row whose price an update changes', () => {
    const run = live()
    run.session.frame(
      table('orderBookL2', 'update', '{"symbol":"XBTUSD","id":8796781700,"side":"Buy","price":32183.5}'),
      T,
    )
    expect(run.of('book_update').at(-1)?.bids).toEqual([
      ['32183', '0'],
      ['32183.5', '200'],
    ])
    expect(top(run)?.bids).toEqual([
      ['32183.5', '200'],
      ['32182', '500'],
    ])
  })

  it('keeps twenty digits and never writes an exponent', () => {
    const run = asked('book', ['ADAM21'])
    run.session.frame(
      table(
        'orderBookL2',
        'partial',
        '{"symbol":"ADAM21","id":1,"side":"Buy","size":12345678901234567891,"price":1.838e-05}',
      ),
      T,
    )
    expect(run.of('book_snapshot')[0]?.bids).toEqual([['0.00001838', '12345678901234567891']])
  })
})

describe('several rows at one price', () => {
  const row = (id: number, size: string, pool: string, price = '100', side = 'Buy') =>
    `{"symbol":"XBTUSD","id":${id},"side":"${side}","size":${size},"price":${price},"pool":"${pool}"}`

  it('are one level, the exact sum of both pools', () => {
    const run = asked('book', ['XBTUSD'])
    const huge = '90071992547409911111'
    run.session.frame(table('orderBookL2', 'partial', row(1, huge, 'Primary'), row(1, '2', 'Secondary')), T)
    expect(top(run)?.bids).toEqual([['100', '90071992547409911113']])
    run.session.frame(table('orderBookL2', 'insert', row(2, '5', 'Primary')), T)
    run.session.frame(table('orderBookL2', 'update', row(1, '1', 'Secondary')), T)
    run.session.frame(table('orderBookL2', 'delete', row(1, huge, 'Primary')), T)
    expect(run.of('book_update').map(({ bids }) => bids)).toEqual([
      [['100', '90071992547409911118']],
      [['100', '90071992547409911117']],
      [['100', '6']],
    ])
    run.session.frame(table('orderBookL2', 'update', row(2, '5', 'Primary', '101')), T)
    expect(top(run)?.bids).toEqual([
      ['101', '5'],
      ['100', '1'],
    ])
  })

  it('are found out when the second comes, in a book that had one row a price until then', () => {
    const run = live()
    const insert = (id: number, size: number, price = '32183') =>
      `{"symbol":"XBTUSD","id":${id},"side":"Buy","size":${size},"price":${price}}`
    run.session.frame(table('orderBookL2', 'insert', insert(1, 9, '32181'), insert(2, 11)), T)
    expect(run.of('book_update').at(-1)?.bids).toEqual([
      ['32181', '9'],
      ['32183', '211'],
    ])
    run.session.frame(table('orderBookL2', 'insert', insert(3, 1, '32180'), insert(4, 2, '32180')), T)
    run.session.frame(table('orderBookL2', 'delete', '{"symbol":"XBTUSD","id":8796781700,"side":"Buy"}'), T)
    expect(top(run)?.bids).toEqual([
      ['32183', '11'],
      ['32182', '500'],
      ['32181', '9'],
      ['32180', '3'],
    ])
  })

  it('are summed where one frame brings both, also on the other side', () => {
    const run = live()
    const insert = (id: number, size: number) =>
      `{"symbol":"XBTUSD","id":${id},"side":"Sell","size":${size},"price":32190}`
    run.session.frame(table('orderBookL2', 'insert', insert(1, 3), insert(2, 4)), T)
    expect(run.of('book_update').at(-1)?.asks.at(-1)).toEqual(['32190', '7'])
    expect(top(run)?.asks.at(-1)).toEqual(['32190', '7'])
  })

  it('keep a row that came before the venue named its pool', () => {
    const run = live()
    run.session.frame(
      table(
        'orderBookL2',
        'update',
        '{"symbol":"XBTUSD","id":8796781700,"side":"Buy","size":1,"pool":"Primary"}',
      ),
      T,
    )
    run.session.frame(
      table('orderBookL2', 'delete', '{"symbol":"XBTUSD","id":8796781800,"side":"Buy","pool":"Primary"}'),
      T,
    )
    expect(top(run)?.bids).toEqual([['32183', '1']])
    expect(run.of('gap')).toEqual([])
  })
})

describe('what a book is told before its partial', () => {
  it('is of another time and passed over', () => {
    const run = asked('book', ['XBTUSD'])
    run.session.frame(
      table('orderBookL2', 'insert', '{"symbol":"XBTUSD","id":1,"side":"Buy","size":1,"price":1}'),
      T,
    )
    run.session.frame(table('orderBookL2', 'update', '{"symbol":"XBTUSD","id":9,"side":"Buy","size":1}'), T)
    run.session.frame(table('orderBookL2', 'delete', '{"symbol":"XBTUSD","id":9,"side":"Buy"}'), T)
    expect(run.events).toEqual([])
    run.session.frame(PARTIAL, T)
    expect(top(run)?.bids).toHaveLength(2)
  })

  it('leaves an empty book where the partial has no rows and only its filter names the symbol', () => {
    const run = asked('book', ['XBTUSD'])
    run.session.frame(emptyPartial('orderBookL2', 'XBTUSD'), T)
    expect(run.of('book_snapshot')).toMatchObject([{ instrument: 'XBTUSD', bids: [], asks: [] }])
    run.session.frame(
      table('orderBookL2', 'insert', '{"symbol":"XBTUSD","id":1,"side":"Buy","size":1,"price":1}'),
      T,
    )
    expect(top(run)?.bids).toEqual([['1', '1']])
  })

  it('is nothing to a symbol that nobody asked for', () => {
    const run = asked('book', ['XBTUSD'])
    run.session.frame(PARTIAL.replaceAll('XBTUSD', 'ETHUSD'), T)
    expect(run.events).toEqual([])
  })
})

describe('a book that contradicts itself', () => {
  it('is suspect and asked for again when a row is updated that is not there', () => {
    const run = live()
    run.session.frame(
      table('orderBookL2', 'update', '{"symbol":"XBTUSD","id":4,"side":"Buy","size":1}'),
      T + 2 * SECOND,
    )
    expect(run.of('gap')).toMatchObject([
      { state: 'open', reason: 'sequence', channel: 'book', from: T + SECOND, healed: false },
    ])
    expect(state(run)).toBe('suspect')
    expect(run.resubscribes).toMatchObject([{ channel: 'book', instrument: { instrument: 'XBTUSD' } }])
    run.session.frame(
      table('orderBookL2', 'insert', '{"symbol":"XBTUSD","id":5,"side":"Buy","size":1,"price":2}'),
      T + 2 * SECOND,
    )
    expect(run.of('book_update')).toEqual([])

    const [again] = run.resubscribes
    if (again === undefined) throw new Error('nothing was asked for again')
    run.session.resubscribe(again, T + 3 * SECOND)
    expect(requests(run)).toEqual([
      { op: 'unsubscribe', args: ['orderBookL2:XBTUSD'] },
      { op: 'subscribe', args: ['orderBookL2:XBTUSD'] },
    ])
    run.session.frame('{"success":true,"unsubscribe":"orderBookL2:XBTUSD"}', T + 3 * SECOND)
    run.session.frame(PARTIAL, T + 4 * SECOND)
    expect(run.of('gap').at(-1)).toMatchObject({ state: 'closed', healed: true, to: T + 4 * SECOND })
    expect(state(run)).toBe('live')
  })

  it('says that what is missing may have been lost at any time since the partial', () => {
    const run = live()
    const update = (id: number) =>
      table('orderBookL2', 'update', `{"symbol":"XBTUSD","id":${id},"side":"Buy","size":7}`)
    run.session.frame(update(8796781700), T + 5 * SECOND)
    run.session.frame(update(4), T + 6 * SECOND)
    expect(run.of('gap')).toMatchObject([{ from: T + SECOND, receiveTime: T + 6 * SECOND }])
  })

  it('is suspect when a row is inserted that is there already with another amount or price', () => {
    const run = live()
    run.session.frame(
      table(
        'orderBookL2',
        'insert',
        '{"symbol":"XBTUSD","id":8796781700,"side":"Buy","size":9,"price":32183}',
      ),
      T,
    )
    expect(run.of('gap')).toMatchObject([{ reason: 'sequence' }])
    expect(run.of('book_update')).toEqual([])
  })

  it('is not, when a row comes twice alike', () => {
    const run = live()
    const twice = '{"symbol":"XBTUSD","id":8796781700,"side":"Buy","size":200,"price":32183}'
    run.session.frame(table('orderBookL2', 'insert', twice), T)
    const pooled = asked('book', ['XBTUSD'])
    const row = twice.replace('}', ',"pool":"Primary"}')
    pooled.session.frame(table('orderBookL2', 'partial', row), T)
    pooled.session.frame(table('orderBookL2', 'insert', row), T)
    for (const each of [run, pooled]) expect(each.of('gap')).toEqual([])
  })

  it('is not, when a row is deleted that is not there: the venue does that at funding', () => {
    const run = live()
    run.session.frame(
      table(
        'orderBookL2',
        'delete',
        '{"symbol":"XBTUSD","id":4,"side":"Buy"}',
        '{"symbol":"XBTUSD","id":4,"side":"Sell","pool":"Primary"}',
      ),
      T,
    )
    expect(run.events).toEqual([])
    expect(state(run)).toBe('live')
  })

  it.each([
    ['a price of null', PARTIAL.replace('32184', 'null'), 'schema_mismatch', 'data.1.price'],
    ['a price that is no number', PARTIAL.replace('32184', '"n/a"'), 'not_decimal', ''],
    ['NaN', PARTIAL.replace('32184', 'NaN'), 'not_json', ''],
    ['a frame that breaks off', PARTIAL.slice(0, -3), 'not_json', ''],
    [
      'a row without its id',
      table('orderBookL2', 'delete', '{"symbol":"XBTUSD","side":"Buy"}'),
      'schema_mismatch',
      'data.0.id',
    ],
    [
      'rows that are none',
      '{"table":"orderBookL2","action":"update","data":[null]}',
      'schema_mismatch',
      'data.0',
    ],
    ['no rows at all', '{"table":"orderBookL2","action":"update"}', 'schema_mismatch', 'data'],
    [
      'rows without symbol',
      '{"table":"orderBookL2","action":"update","data":[{"id":1}]}',
      'schema_mismatch',
      'data.0.symbol',
    ],
    ['an action that there is not', PARTIAL.replace('partial', 'upsert'), 'schema_mismatch', 'action'],
    [
      'a time that is none',
      table(
        'orderBookL2',
        'update',
        '{"symbol":"XBTUSD","id":8796781700,"side":"Buy","size":7,"timestamp":"soon"}',
      ),
      'not_time',
      '',
    ],
  ])('is suspect after %s, for that may have been a change of it', (_what, frame, reason, path) => {
    const run = live()
    run.session.frame(frame, T)
    expect(run.events).toMatchObject([
      { type: 'gap', state: 'open', channel: 'book' },
      { type: 'malformed', reason, path, head: frame.slice(0, 200), connection: 'public#0' },
    ])
    expect(state(run)).toBe('suspect')
    expect(run.resubscribes).toHaveLength(1)
  })

  it('leaves its siblings alone', () => {
    const run = asked('book', ['XBTUSD', 'ETHUSD'])
    run.session.frame(PARTIAL, T)
    run.session.frame(PARTIAL.replaceAll('XBTUSD', 'ETHUSD'), T)
    run.session.frame(PARTIAL.replace('32184', 'null'), T)
    expect(state(run)).toBe('suspect')
    expect(state(run, 'ETHUSD')).toBe('live')
  })

  it('is suspect when it stays crossed', () => {
    const run = live()
    run.session.frame(
      table('orderBookL2', 'insert', '{"symbol":"XBTUSD","id":4,"side":"Buy","size":1,"price":32186}'),
      T + SECOND,
    )
    expect(run.of('gap')).toEqual([])
    run.until(T + 4 * SECOND)
    expect(run.of('gap')).toMatchObject([{ reason: 'crossed' }])
    expect(run.resubscribes).toHaveLength(1)
  })
})

describe('the ten best levels', () => {
  const row =
    '{"symbol":"XBTUSD","bids":[[30715.5,217100],[30713,3000]],"asks":[[30716,537700]],"timestamp":"2022-05-30T19:20:46.586Z"}'

  it('are whole in every row, and the last row of a frame wins', () => {
    const run = asked('book:10', ['XBTUSD'])
    run.session.frame(table('orderBook10', 'partial', row), T)
    run.session.frame(table('orderBook10', 'update', row, row.replace('537700', '1')), T)
    expect(run.of('book_snapshot').map(({ asks, depth }) => [asks, depth])).toEqual([
      [[['30716', '537700']], 10],
      [[['30716', '1']], 10],
    ])
    expect(run.of('book_snapshot')[0]).toMatchObject({
      channel: 'book:10',
      exchangeTime: Date.UTC(2022, 4, 30, 19, 20, 46, 586) * 1000,
      bids: [
        ['30715.5', '217100'],
        ['30713', '3000'],
      ],
    })
  })

  it('keep the side that an update leaves out, and have none where a new market has none', () => {
    const run = asked('book:10', ['BLURUSDT'])
    run.session.frame(table('orderBook10', 'update', '{"symbol":"BLURUSDT","bids":[[1,2]]}'), T)
    expect(run.events).toEqual([])
    run.session.frame(emptyPartial('orderBook10', 'BLURUSDT'), T)
    run.session.frame(table('orderBook10', 'insert', '{"symbol":"BLURUSDT","bids":[[1.02,150000000]]}'), T)
    run.session.frame(table('orderBook10', 'update', '{"symbol":"BLURUSDT","asks":[[1.03,7]]}'), T)
    run.session.frame(table('orderBook10', 'delete', '{"symbol":"BLURUSDT"}'), T)
    expect(run.of('book_snapshot').map(({ bids, asks }) => [bids, asks])).toEqual([
      [[], []],
      [[['1.02', '150000000']], []],
      [[['1.02', '150000000']], [['1.03', '7']]],
    ])
  })
})

describe('a recording of all symbols under one topic', () => {
  it('has an empty book for each symbol that the partial did not name', () => {
    const run = reading()
    run.session.frame('{"success":true,"subscribe":"orderBookL2"}', T)
    const rows =
      '{"symbol":"XBTUSD","id":1,"side":"Buy","size":1,"price":1},{"symbol":"ETHUSD","id":1,"side":"Buy","size":2,"price":2}'
    run.session.frame(`{"table":"orderBookL2","action":"partial","filter":{},"data":[${rows}]}`, T)
    run.session.frame(
      table('orderBookL2', 'insert', '{"symbol":"NEWUSDT","id":1,"side":"Sell","size":3,"price":3}'),
      T,
    )
    expect(run.of('book_snapshot').map(({ instrument }) => instrument)).toEqual([
      'XBTUSD',
      'ETHUSD',
      'NEWUSDT',
    ])
    expect(top(run, 'ETHUSD')?.bids).toEqual([['2', '2']])
    expect(top(run, 'NEWUSDT')?.asks).toEqual([['3', '3']])
  })

  it('leaves a book suspect until the log itself brings a partial', () => {
    const run = reading()
    run.session.frame(PARTIAL, null)
    run.session.frame(
      table('orderBookL2', 'update', '{"symbol":"XBTUSD","id":4,"side":"Buy","size":1}'),
      null,
    )
    expect(state(run)).toBe('suspect')
    expect(run.resubscribes).toEqual([])
    run.session.frame(PARTIAL, null)
    expect(state(run)).toBe('live')
    expect(run.of('gap').map(({ state: phase, healed }) => [phase, healed])).toEqual([
      ['open', false],
      ['closed', true],
    ])
    expect(run.sent).toEqual([])
  })
})

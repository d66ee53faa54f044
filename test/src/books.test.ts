import { describe, expect, it } from 'vitest'
import type { Order, OrderSnapshotEvent } from '../../schemas/events.js'
import { Books, type MaintainedBook, preferredBook } from '../../src/book/books.js'
import { gap, START, snapshot, trade, update } from '../recorder/sample-events.js'

function orderSnapshot(bids: Order[]): OrderSnapshotEvent {
  return { ...snapshot([], []), type: 'order_snapshot', channel: 'order', bids, asks: [] }
}

function shown(book: MaintainedBook | null) {
  return book === null ? null : { state: book.book.state, ...book.book.top(10) }
}

describe('the books of a stream of events', () => {
  it('begin with their first snapshot: what comes before it is of no use', () => {
    const books = new Books()
    expect(books.apply(update([['1', '1']], []))).toBeNull()
    expect(books.apply(gap('open'))).toBeNull()
    expect(books.apply(trade())).toBeNull()
    expect([...books]).toEqual([])
    expect(books.get('testex', 'BTC/USD')).toBeNull()
    const begun = books.apply(snapshot([['1', '1']], [], { depth: 25 }))
    expect(begun).toMatchObject({ instrument: 'tBTCUSD', channel: 'book', amountUnit: 'base', depth: 25 })
    expect([...books]).toEqual([begun])
  })

  it('take updates, and tell when the last one was', () => {
    const books = new Books()
    books.apply(snapshot([['1', '1']], [['3', '1']]))
    books.apply(update([['2', '5']], [['3', '0']], { receiveTime: START + 7 }))
    const book = books.get('testex', 'BTC/USD')
    expect(shown(book)).toEqual({
      state: 'live',
      bids: [
        ['2', '5'],
        ['1', '1'],
      ],
      asks: [],
    })
    expect(book?.book.lastUpdate).toBe(START + 7)
  })

  it('keep the levels of their last live moment through a gap, until the next snapshot', () => {
    const books = new Books()
    books.apply(snapshot([['1', '1']], []))
    books.apply(gap('open'))
    books.apply(update([['9', '9']], []))
    expect(shown(books.get('testex', 'BTC/USD'))).toEqual({ state: 'suspect', bids: [['1', '1']], asks: [] })
    books.apply(gap('closed'))
    expect(books.get('testex', 'BTC/USD')?.book.state).toBe('suspect')
    books.apply(snapshot([['2', '1']], []))
    expect(shown(books.get('testex', 'BTC/USD'))).toEqual({ state: 'live', bids: [['2', '1']], asks: [] })
  })

  it('are not touched by a gap that ends without having been open', () => {
    const books = new Books()
    books.apply(snapshot([['1', '1']], []))
    books.apply(gap('closed'))
    expect(books.get('testex', 'BTC/USD')?.book.state).toBe('live')
  })

  it('a gap of another stream does not touch them', () => {
    const books = new Books()
    books.apply(snapshot([['1', '1']], []))
    books.apply(gap('open', { channel: 'trade' }))
    books.apply(gap('open', { channel: 'book:P1' }))
    books.apply(gap('open', { instrument: 'tETHUSD' }))
    books.apply(gap('open', { venue: 'other' }))
    expect(books.get('testex', 'BTC/USD')?.book.state).toBe('live')
  })

  it('are all suspect after an interruption', () => {
    const books = new Books()
    books.apply(snapshot([['1', '1']], []))
    books.apply(snapshot([['1', '1']], [], { instrument: 'tETHUSD', symbol: 'ETH/USD' }))
    books.interrupt()
    expect([...books].map(({ book }) => book.state)).toEqual(['suspect', 'suspect'])
  })

  it('count removals of what was not there, since the last snapshot', () => {
    const books = new Books()
    books.apply(snapshot([['1', '1']], []))
    books.apply(update([['7', '0']], [['8', '0']]))
    expect(books.get('testex', 'BTC/USD')?.absentRemovals).toBe(2)
    books.apply(snapshot([['1', '1']], []))
    expect(books.get('testex', 'BTC/USD')?.absentRemovals).toBe(0)
  })

  it('of single orders show the levels that follow from the orders', () => {
    const books = new Books()
    books.apply(
      orderSnapshot([
        ['a', '10', '1'],
        ['b', '10', '0.25'],
        ['c', '9', '1'],
      ]),
    )
    books.apply({
      ...update([], [], { channel: 'order' }),
      type: 'order_update',
      bids: [
        ['a', '9', '2'],
        ['x', '1', '0'],
      ],
      asks: [['d', '11', '4']],
    })
    const book = books.get('testex', 'BTC/USD', 'order')
    expect(shown(book)).toEqual({
      state: 'live',
      bids: [
        ['10', '0.25'],
        ['9', '3'],
      ],
      asks: [['11', '4']],
    })
    expect(book?.orders?.top('bids', 5)).toEqual([
      ['b', '10', '0.25'],
      ['a', '9', '2'],
      ['c', '9', '1'],
    ])
    expect(book?.orders?.count('asks')).toBe(1)
    expect(book?.absentRemovals).toBe(1)
    expect(books.get('testex', 'BTC/USD')).toBe(book)
  })

  it('are found by symbol and by the id of the venue, each venue for itself', () => {
    const books = new Books()
    const perpetual = { symbol: 'BTC/USD:BTC', instrument: 'XBTUSD', venue: 'other' }
    const first = books.apply(snapshot([['1', '1']], []))
    const second = books.apply(snapshot([['2', '1']], [], perpetual))
    expect(books.get('testex', 'tBTCUSD')).toBe(first)
    expect(books.get('testex', 'BTC/USD')).toBe(first)
    expect(books.get('other', 'XBTUSD')).toBe(second)
    expect(books.get('other', 'BTC/USD:BTC')).toBe(second)
    expect(books.get('other', 'BTC/USD')).toBeNull()
    expect(books.get('nowhere', 'BTC/USD')).toBeNull()
    expect(books.get('testex', 'BTC/USD', 'book:P1')).toBeNull()
  })
})

describe('of several books of an instrument', () => {
  const prefer = (...books: [string, number | null][]) =>
    preferredBook(books.map(([channel, depth]) => ({ channel, depth })))?.channel

  it('the default channel is the book', () => {
    expect(prefer(['book:P1', null], ['book', 25], ['order', null])).toBe('book')
  })

  it('else the deepest variant is, and the whole book is deepest', () => {
    expect(prefer(['book:P2', 25], ['book:P1', 100], ['order', null])).toBe('book:P1')
    expect(prefer(['book:P1', 100], ['book:full', null])).toBe('book:full')
    expect(prefer(['book:full', null], ['book:P1', 100])).toBe('book:full')
    expect(prefer(['book:a', 25], ['book:b', 25])).toBe('book:a')
  })

  it('else that of single orders is, the default one first', () => {
    expect(prefer(['order:R1', null], ['order', 25])).toBe('order')
    expect(prefer()).toBeUndefined()
  })
})

import { describe, expect, it } from 'vitest'
import { Talk } from './talk.js'

const BOOK = '[[10,1,1],[11,1,-1]]'

describe('subscribing', () => {
  it('asks for each stream in the words of the venue, with an id of its own', () => {
    const talk = new Talk().greet()
    talk.sent()
    talk
      .subscribe('BTC/USD', 'trade', 'book', 'book:P3', 'order', 'ticker', 'candle:1d')
      .subscribe('BTC/USDT:USDT', 'derivative', 'liquidation')
      .subscribe('fUSD', 'candle')
    const book = { event: 'subscribe', channel: 'book', symbol: 'tBTCUSD', freq: 'F0', len: '100' }
    expect(talk.sent()).toEqual([
      { event: 'subscribe', channel: 'trades', symbol: 'tBTCUSD', subId: 'tw1' },
      { ...book, prec: 'P0', subId: 'tw2' },
      { ...book, prec: 'P3', subId: 'tw3' },
      { ...book, prec: 'R0', subId: 'tw4' },
      { event: 'subscribe', channel: 'ticker', symbol: 'tBTCUSD', subId: 'tw5' },
      { event: 'subscribe', channel: 'candles', key: 'trade:1D:tBTCUSD', subId: 'tw6' },
      { event: 'subscribe', channel: 'status', key: 'deriv:tBTCF0:USTF0', subId: 'tw7' },
      { event: 'subscribe', channel: 'status', key: 'liq:global', subId: 'tw8' },
      { event: 'subscribe', channel: 'candles', key: 'trade:1m:fUSD:a30:p2:p30', subId: 'tw9' },
    ])
  })

  it('is granted late and out of order', () => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'trade').subscribe('tETHUSD', 'trade')
    talk
      .say(
        '{"event":"subscribed","channel":"trades","chanId":9,"subId":"tw2","symbol":"tETHUSD","pair":"ETHUSD"}',
      )
      .wait(11_000)
      .say(
        '{"event":"subscribed","channel":"trades","chanId":8,"subId":"tw1","symbol":"tBTCUSD","pair":"BTCUSD"}',
      )
      .data(8, '"te",[1,1767225600000,1,10]')
      .data(9, '"te",[2,1767225600000,1,10]')
    expect(talk.of('trade').map(({ id, symbol }) => [id, symbol])).toEqual([
      ['1', 'BTC/USD'],
      ['2', 'ETH/USD'],
    ])
    expect(talk.harness.resubscribes).toEqual([])
  })

  it('is granted without the id by a gateway that drops it', () => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'book:P1', 'book').subscribe('fUSD', 'trade')
    const fields = '"symbol":"tBTCUSD","freq":"F0","len":100,"pair":"BTCUSD"'
    talk
      .say(`{"event":"subscribed","channel":"book","chanId":1,"prec":"P0",${fields}}`)
      .say(`{"event":"subscribed","channel":"book","chanId":2,"prec":"P1",${fields}}`)
      .say('{"event":"subscribed","channel":"trades","chanId":3,"symbol":"fUSD","currency":"USD"}')
      .data(1, BOOK)
      .data(2, BOOK)
      .data(3, '"fte",[1,1767225600000,-100,0.0002,30]')
    expect(talk.of('book_snapshot').map(({ channel }) => channel)).toEqual(['book', 'book:P1'])
    expect(talk.of('trade')).toMatchObject([{ instrument: 'fUSD', price: '0.0002', side: 'sell' }])
  })

  it('that is not answered is asked again, and the ack of the first is as good', () => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'trade')
    talk.sent()
    talk.wait(31_000).resubscribe()
    expect(talk.sent()).toMatchObject([{ event: 'subscribe', subId: 'tw2' }])
    talk
      .say('{"event":"subscribed","channel":"trades","chanId":8,"subId":"tw1","symbol":"tBTCUSD"}')
      .say(
        '{"event":"error","msg":"subscribe: dup","code":10301,"channel":"trades","chanId":8,"symbol":"tBTCUSD","subId":"tw2"}',
      )
      .data(8, '"te",[1,1767225600000,1,10]')
    expect(talk.of('trade')).toHaveLength(1)
    expect(talk.of('connection')).toEqual([])
    expect(talk.sent()).toEqual([])
  })

  const DUP =
    '{"channel":"trades","symbol":"tBTCUSD","event":"error","msg":"subscribe: dup","code":10301,"pair":"BTCUSD"}'

  it('twice waits for the late ack of the first, which the error does not number', () => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'trade')
    talk.data(8, '[[1,1767225600000,1,10]]').wait(31_000).resubscribe().say(DUP)
    talk
      .wait(10_000)
      .say('{"event":"subscribed","channel":"trades","chanId":8,"symbol":"tBTCUSD","pair":"BTCUSD"}')
      .data(8, '"te",[2,1767225641000,1,10]')
      .wait(30_000)
    expect(talk.of('trade').map(({ id }) => id)).toEqual(['1', '2'])
    expect(talk.of('connection')).toEqual([])
    expect(talk.of('malformed')).toEqual([])
    expect(talk.sent().filter(({ event }) => event === 'unsubscribe')).toEqual([])
    expect(talk.harness.reconnects).toEqual([])
  })

  it('twice replaces the connection where the ack of the first is lost', () => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'trade').wait(31_000).resubscribe().say(DUP)
    talk.sent()
    talk.wait(14_000)
    expect(talk.harness.reconnects).toEqual([])
    talk.wait(2_000)
    expect(talk.harness.reconnects).toEqual([
      'the ack of trades tBTCUSD is lost: the venue says that it is subscribed',
    ])
    expect(talk.of('connection')).toEqual([])
    expect(talk.sent()).toEqual([])
  })

  it('twice is no refusal where the channel is open, nor where nobody wants it any more', () => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'trade')
    talk
      .say('{"event":"subscribed","channel":"trades","chanId":8,"symbol":"tBTCUSD","pair":"BTCUSD"}')
      .say(DUP)
    talk.data(8, '[[1,1767225600000,1,10]]')
    expect(talk.of('trade')).toHaveLength(1)
    expect(talk.of('connection')).toEqual([])
    const left = new Talk().greet().subscribe('tBTCUSD', 'trade').unsubscribe('tBTCUSD', 'trade').say(DUP)
    left.wait(60_000)
    expect(left.harness.reconnects).toEqual([])
    expect(left.of('connection')).toEqual([])
  })

  it('twice is known by the error of a gateway that numbers it, even where that comes before the first ack', () => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'trade')
    talk
      .wait(31_000)
      .resubscribe()
      .say(
        '{"event":"error","msg":"subscribe: dup","code":10301,"channel":"trades","chanId":8,"subId":"tw2"}',
      )
      .say('{"event":"subscribed","channel":"trades","chanId":8,"subId":"tw1","symbol":"tBTCUSD"}')
      .data(8, '[[1,1767225600000,1,10]]')
    expect(talk.of('trade')).toMatchObject([{ id: '1', historical: true }])
    expect(talk.of('connection')).toEqual([])
  })
})

describe('refusals', () => {
  it.each([
    [10_300, 'symbol: invalid'],
    [10_302, 'channel: unknown'],
    [10_305, 'subscribe: limit'],
  ])('%i (%s) are said once, and the stream is given up', (code, msg) => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'book', 'trade')
    talk.say(
      JSON.stringify({
        event: 'error',
        msg,
        code,
        channel: 'book',
        symbol: 'tBTCUSD',
        prec: 'P0',
        len: '100',
      }),
    )
    expect(talk.of('connection')).toMatchObject([
      { state: 'refused', reason: `book of BTC/USD: ${code} ${msg}` },
    ])
    talk.wait(29_000)
    expect(talk.harness.resubscribes).toEqual([])
    talk.wait(2_000)
    expect(talk.harness.resubscribes.map(({ channel }) => channel)).toEqual(['trade'])
  })

  it('that name nothing we asked for are told as they are', () => {
    const talk = new Talk().greet()
    talk.say('{"event":"error","msg":"event: invalid (nope)","code":10000}')
    talk.say(
      '{"event":"error","msg":"symbol: invalid","code":10300,"channel":"book","symbol":"tX","prec":"P0"}',
    )
    expect(talk.of('connection').map(({ reason }) => reason)).toEqual([
      '10000 event: invalid (nope)',
      'book tX P0: 10300 symbol: invalid',
    ])
  })

  it('by silence, as for an unknown contract, never cost the connection', () => {
    const talk = new Talk().greet().subscribe('tXXXF0:USTF0', 'derivative')
    talk.sent()
    for (let turn = 0; turn < 4; turn++) talk.wait(31_000).resubscribe()
    expect(talk.sent().filter(({ event }) => event === 'subscribe')).toHaveLength(1)
    expect(talk.of('connection')).toMatchObject([
      { state: 'refused', reason: expect.stringContaining('derivative of XXX/USDT:USDT: no answer') },
    ])
    expect(talk.harness.reconnects).toEqual([])
  })
})

describe('data before the ack', () => {
  it('is kept in order and read when the ack comes', () => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'book')
    talk.data(8, '"hb"').data(8, BOOK).wait(2_000).data(8, '[10,2,5]')
    expect(talk.harness.events).toEqual([])
    talk.ack(8)
    expect(talk.of('book_snapshot')).toMatchObject([{ sequence: '2', receiveTime: talk.now - 2_000_000 }])
    expect(talk.of('book_update')).toMatchObject([{ bids: [['10', '5']], sequence: '3' }])
  })

  it('that is broken is told then, and the rest still read', () => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'trade')
    talk.data(8, '"te",[1]').data(8, '"te",[2,1767225600000,1,10]').ack(8)
    expect(talk.of('malformed')).toMatchObject([{ path: '2.1' }])
    expect(talk.of('trade')).toMatchObject([{ id: '2' }])
  })

  it('without any ack is an error after fifty seconds', () => {
    const talk = new Talk().greet().data(77, BOOK).data(77, '[10,2,5]').wait(49_000)
    expect(talk.of('malformed')).toEqual([])
    talk.wait(2_000)
    expect(talk.of('malformed')).toMatchObject([
      { reason: 'unknown_message', head: expect.stringContaining('[77,[[10,1,1]') },
    ])
  })

  it('is kept up to a bound in bytes, and what finds no room is a gap of its stream', () => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'trade')
    const padding = ' '.repeat(1_000_000)
    const trades = Array.from({ length: 40 }, (_, index) => `"te",[${index},1767225600000,1,10]${padding}`)
    for (const trade of trades) talk.data(8, trade)
    talk.ack(8)
    expect(talk.of('trade').length).toBeGreaterThan(0)
    expect(talk.of('trade').length).toBeLessThan(10)
    expect(talk.of('gap')).toMatchObject([{ reason: 'overflow', state: 'open', channel: 'trade' }])
  })

  it('without any ack is an error at the end of the connection at the latest', () => {
    const talk = new Talk().greet().data(77, BOOK)
    talk.harness.session.closed({ code: 1006, reason: '' }, talk.now)
    expect(talk.of('malformed')).toHaveLength(1)
  })

  it('of a heartbeat is none', () => {
    const talk = new Talk().greet().data(77, '"hb"').wait(60_000)
    expect(talk.harness.events).toEqual([])
  })

  it('is bounded: what found no room is a gap', () => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'book')
    talk.data(8, BOOK)
    for (let count = 0; count < 2_000; count++) talk.data(8, `[10,1,${count + 2}]`)
    talk.ack(8)
    expect(talk.of('book_update')).toHaveLength(1_999)
    expect(talk.of('gap')).toMatchObject([
      { reason: 'overflow', detail: '1 frame(s) came before the ack and found no room' },
    ])
    expect(talk.harness.resubscribes).toHaveLength(1)
  })
})

describe('unsubscribing', () => {
  it('drops what still comes, and counts it', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'book', 8).data(8, BOOK)
    talk.sent()
    talk.unsubscribe('tBTCUSD', 'book').data(8, '[10,1,7]').data(8, '"hb"')
    expect(talk.sent()).toEqual([{ event: 'unsubscribe', chanId: 8 }])
    talk.say('{"event":"unsubscribed","status":"OK","chanId":8}').open('tETHUSD', 'trade', 9).data(9, '[]')
    expect(talk.of('book_update')).toEqual([])
    expect(talk.of('gap')).toEqual([])
    talk.wait(60_000)
    expect(talk.harness.reconnects).toEqual([])
  })

  it('before the ack waits for it', () => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'trade').unsubscribe('tBTCUSD', 'trade')
    talk.ack(8)
    expect(talk.sent()).toEqual([{ event: 'unsubscribe', chanId: 8 }])
    talk.data(8, '[[1,1767225600000,1,10]]').say('{"event":"unsubscribed","status":"OK","chanId":8}')
    expect(talk.harness.events).toEqual([])
  })

  it('before a refusal leaves nothing to say', () => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'trade').unsubscribe('tBTCUSD', 'trade')
    talk.say('{"event":"error","msg":"symbol: invalid","code":10300,"channel":"trades","symbol":"tBTCUSD"}')
    expect(talk.harness.events).toEqual([])
  })

  it('and asking again before the ack is as if nothing had been', () => {
    const talk = new Talk().greet().subscribe('tBTCUSD', 'trade').unsubscribe('tBTCUSD', 'trade')
    talk.subscribe('tBTCUSD', 'trade').ack(8).data(8, '[[1,1767225600000,1,10]]')
    expect(talk.sent()).toEqual([])
    expect(talk.of('trade')).toHaveLength(1)
  })

  it('and asking again before the answer subscribes once the answer is there', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 8).data(8, '[]')
    talk.unsubscribe('tBTCUSD', 'trade').subscribe('tBTCUSD', 'trade')
    talk.sent()
    talk.data(8, '"te",[1,1767225600000,1,10]').say('{"event":"unsubscribed","status":"OK","chanId":8}')
    expect(talk.of('trade')).toEqual([])
    talk.ack(9).data(9, '[[1,1767225600000,1,10]]')
    expect(talk.of('trade')).toHaveLength(1)
  })

  it('that is not answered replaces the connection', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 8).unsubscribe('tBTCUSD', 'trade').wait(16_000)
    expect(talk.harness.reconnects).toEqual(['no answer to an unsubscribe'])
  })

  it('of what the venue no longer has is done', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 8).unsubscribe('tBTCUSD', 'trade')
    talk.say('{"event":"error","msg":"unsubscribe: invalid","code":10400,"chanId":8}').wait(16_000)
    expect(talk.harness.reconnects).toEqual([])
    expect(talk.of('connection')).toEqual([])
  })

  it('a stream that was never asked for sends nothing', () => {
    const talk = new Talk().greet()
    talk.sent()
    talk.unsubscribe('tBTCUSD', 'trade')
    expect(talk.sent()).toEqual([])
  })

  it('follows an ack that nobody waits for any more', () => {
    const talk = new Talk().greet()
    talk.sent()
    talk
      .say('{"event":"subscribed","channel":"trades","chanId":8,"symbol":"tBTCUSD"}')
      .data(8, '[[1,1,1,10]]')
    expect(talk.sent()).toEqual([{ event: 'unsubscribe', chanId: 8 }])
    talk.say('{"event":"unsubscribed","status":"OK","chanId":8}')
    expect(talk.harness.events).toEqual([])
  })
})

describe('resubscribing', () => {
  it('unsubscribes, waits for the answer, subscribes, and takes the fresh snapshot', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'book', 8).data(8, BOOK)
    talk.sent()
    talk.harness.session.overflowed({ instrument: 'tBTCUSD', channel: 'book' }, null, talk.now, 'unread')
    talk.harness.session.resubscribe(talk.subscription('tBTCUSD', 'book'), talk.now)
    expect(talk.sent()).toEqual([{ event: 'unsubscribe', chanId: 8 }])
    talk.data(8, '[10,1,7]').harness.session.resubscribe(talk.subscription('tBTCUSD', 'book'), talk.now)
    expect(talk.sent()).toEqual([])
    talk.say('{"event":"unsubscribed","status":"OK","chanId":8}')
    talk.ack(9).data(9, '[[20,1,1],[21,1,-1]]').data(9, '[20,0,1]')
    expect(talk.book('tBTCUSD').top(5)).toEqual({ bids: [], asks: [['21', '1']] })
    expect(talk.of('book_snapshot')).toHaveLength(2)
  })

  it('does not disturb its siblings', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'book', 8).open('tETHUSD', 'book', 9)
    talk.data(8, BOOK).data(9, BOOK)
    talk.harness.session.resubscribe(talk.subscription('tBTCUSD', 'book'), talk.now)
    talk.data(9, '[10,1,7]')
    expect(talk.of('book_update')).toMatchObject([{ symbol: 'ETH/USD' }])
  })
})

describe('silence', () => {
  it('of a market is fine while its channel has a pulse', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 8).data(8, '[]')
    for (let pulse = 0; pulse < 40; pulse++) talk.wait(15_000).data(8, '"hb"')
    expect(talk.harness.events).toEqual([])
    expect(talk.harness.resubscribes).toEqual([])
  })

  it('of a channel without a pulse is a gap after 35 s, and the channel is asked for again', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'book', 8).data(8, BOOK)
    for (let beat = 0; beat < 5; beat++) talk.wait(7_000).data(8, '[10,1,1]')
    const last = talk.now
    while (talk.of('gap').length === 0) talk.wait(100)
    expect(talk.now - last).toBeGreaterThanOrEqual(35_000_000)
    expect(talk.now - last).toBeLessThan(38_500_000)
    expect(talk.of('gap')).toMatchObject([{ reason: 'stale', from: last }])
    expect(talk.harness.resubscribes).toHaveLength(1)
  })
})

import { describe, expect, it } from 'vitest'
import { huobi } from '../../../connectors/huobi/connector.js'
import { toBase } from '../../../src/amount.js'
import { harness } from '../../support/harness.js'
import { asked, granted, instrumentOf, packed, sentBy, streamOf, T } from './frames.js'

const CH = 'market.btcusdt.trade.detail'

function row(tradeId: number | string, ts = 1_000, extra: object = {}) {
  return { id: `55${tradeId}`, ts, tradeId, amount: 0.5, price: 10, direction: 'buy', ...extra }
}

function push(rows: object[], ch = CH): Uint8Array {
  return packed({ ch, ts: 2, tick: { id: 55, ts: 1, data: rows } })
}

describe('trades', () => {
  it('of spot are known by tradeId, digit for digit', () => {
    const run = granted([['BTC/USDT', 'trade']])
    run.session.frame(
      packed(
        `{"ch":"${CH}","ts":1616243199157,"tick":{"id":123140716701,"ts":1616243199156,"data":[{"id":123140716701236887569077664,"ts":1616243199156,"tradeId":102357140867,"amount":1.98E-4,"price":58911.07,"direction":"sell"}]}}`,
      ),
      T,
    )
    expect(run.of('trade')).toEqual([
      {
        type: 'trade',
        venue: 'huobi',
        symbol: 'BTC/USDT',
        instrument: 'btcusdt',
        channel: 'trade',
        n: 1,
        exchangeTime: 1_616_243_199_156_000,
        receiveTime: T,
        sequence: '123140716701',
        id: '102357140867',
        price: '58911.07',
        amount: '0.000198',
        amountUnit: 'base',
        side: 'sell',
        liquidation: false,
        historical: false,
      },
    ])
  })

  it('of derivatives are known by an id that a double cannot hold', () => {
    const run = granted([['BTC/USDT:USDT', 'trade']])
    const rows = ['1000000231311610000', '1000000231311610001'].map(
      (id) =>
        `{"amount":20,"quantity":0.02,"trade_turnover":819.806,"ts":1645129626912,"id":${id},"price":40990.3,"direction":""}`,
    )
    run.session.frame(
      packed(
        `{"ch":"market.BTC-USDT.trade.detail","ts":1,"tick":{"id":100000023131161,"ts":1,"data":[${rows.join()}]}}`,
      ),
      T,
    )
    expect(run.of('trade').map(({ id, side }) => [id, side])).toEqual([
      ['1000000231311610000', null],
      ['1000000231311610001', null],
    ])
  })

  it('keep the amount of the venue, of which half was traded where it counts both sides', () => {
    const run = granted([
      ['BTC/USDT:USDT', 'trade'],
      ['BTC/USD:BTC', 'trade'],
    ])
    const trade = { ts: 1, price: 40_000, direction: 'buy', id: 1 }
    run.session.frame(push([{ ...trade, amount: 20, quantity: 0.02 }], 'market.BTC-USDT.trade.detail'), T)
    run.session.frame(push([{ ...trade, amount: 8, quantity: 0.02 }], 'market.BTC-USD.trade.detail'), T)
    const [linear, inverse] = run.of('trade')
    if (linear === undefined || inverse === undefined) throw new Error('no trades')
    expect([linear.amount, inverse.amount]).toEqual(['20', '8'])
    expect(toBase(linear, { ...instrumentOf('BTC-USDT'), contractSize: '0.001' })).toBe('0.01')
    expect(toBase(inverse, instrumentOf('BTC-USD'))).toBe('0.01')
  })

  it('keep twenty digits', () => {
    const run = granted([['BTC/USDT', 'trade']])
    run.session.frame(push([row(1, 1, { amount: '12345678901234567890.123456789' })]), T)
    expect(run.of('trade')[0]?.amount).toBe('12345678901234567890.123456789')
  })

  it('come in the order of the wire, none twice', () => {
    const run = granted([['BTC/USDT', 'trade']])
    run.session.frame(push([row(12), row(11)]), T)
    run.session.frame(push([row(12), row(13)]), T)
    expect(run.of('trade').map(({ id }) => id)).toEqual(['12', '11', '13'])
  })

  it('may come before the ack', () => {
    const run = asked([['BTC/USDT:USDT', 'trade']])
    run.session.frame(push([row(1)], 'market.BTC-USDT.trade.detail'), T)
    run.session.frame(packed({ id: '1', status: 'ok', subbed: 'market.BTC-USDT.trade.detail', ts: 1 }), T)
    run.until(T + 60_000_000)
    expect([run.of('trade').length, run.resubscribes.length]).toEqual([1, 0])
  })
})

describe('after the connection was lost', () => {
  /** A stream that saw the trade 5, on its next connection, whose first push says what the last trade was. */
  const again = (first: object[] = [row(8, 8)]) => {
    const run = granted([['BTC/USDT', 'trade']])
    run.session.frame(push([row(5, 5)]), T)
    run.session.closed({ code: 1006, reason: '' }, T + 1)
    expect(run.of('gap')).toMatchObject([{ state: 'open', reason: 'disconnected' }])
    const next = harness(huobi(), { memory: run.memory, instruments: run.instruments })
    next.session.opened({ url: '', negotiated: null, attempt: 1 }, T + 10)
    next.session.subscribe([streamOf('BTC/USDT', 'trade')], T + 10)
    expect(sentBy(next)).toEqual([{ sub: CH, id: '1' }])
    next.session.frame(packed({ id: '1', status: 'ok', subbed: CH, ts: 1 }), T + 20)
    expect(sentBy(next)).toEqual([])
    next.session.frame(push(first), T + 30)
    expect(sentBy(next)).toEqual([{ req: CH, id: '2' }])
    return next
  }
  const reply = (data: object[] | null) => packed({ id: '2', status: 'ok', ts: 1, rep: CH, data })
  const told = (run: ReturnType<typeof again>) =>
    run.events.flatMap((event) =>
      event.type === 'trade'
        ? [`${event.id}${event.historical ? ' historical' : ''}`]
        : event.type === 'gap'
          ? [`gap ${event.state} ${event.healed ? 'healed' : ''}`.trim()]
          : [],
    )

  it('what was missed is fetched, marked, in order, before what came since', () => {
    const run = again()
    run.session.frame(push([row(9, 9)]), T + 40)
    expect(told(run)).toEqual([])
    run.session.frame(reply([row(8, 8), row(7, 7), row(6, 6), row(5, 5), row(4, 4)]), T + 50)
    expect(told(run)).toEqual(['6 historical', '7 historical', '8 historical', 'gap closed healed', '9'])
  })

  it('a subscription that was granted and brings nothing is asked for again, whatever history could tell', () => {
    const run = granted([['BTC/USDT', 'trade']])
    run.session.frame(push([row(5, 5)]), T)
    run.session.closed({ code: 1006, reason: '' }, T + 1)
    const next = harness(huobi(), { memory: run.memory, instruments: run.instruments })
    next.session.opened({ url: '', negotiated: null, attempt: 1 }, T + 10)
    next.session.subscribe([streamOf('BTC/USDT', 'trade')], T + 10)
    next.session.frame(packed({ id: '1', status: 'ok', subbed: CH, ts: 1 }), T + 20)
    next.until(T + 10_000_020)
    expect(sentBy(next)).toEqual([{ sub: CH, id: '1' }])
    expect(next.resubscribes).toEqual([streamOf('BTC/USDT', 'trade')])
    expect(told(next)).toEqual([])
  })

  it('it is put in the order of the ids, whatever the clock of the venue said', () => {
    const run = again()
    run.session.frame(reply([row(8, 8), row(7, 3_600_007), row(6, 3_600_006), row(5, 5)]), T + 50)
    expect(told(run)).toEqual(['6 historical', '7 historical', '8 historical', 'gap closed healed'])
  })

  it('a hole that reaches further back than the venue tells is not healed', () => {
    const run = again([row(40, 40)])
    run.session.frame(reply([row(30, 30), row(40, 40)]), T + 50)
    expect(told(run)).toEqual(['30 historical', '40 historical', 'gap closed'])
  })

  it('a trade that was seen before proves that nothing was missed, where no history comes', () => {
    const run = again([row(5, 5)])
    run.until(T + 3_100_000)
    expect(told(run)).toEqual(['gap closed healed'])
  })

  it('live trades wait no longer than three seconds', () => {
    const run = again()
    run.until(T + 2_900_000)
    expect(told(run)).toEqual([])
    run.until(T + 3_100_000)
    expect(told(run)).toEqual(['gap closed', '8'])
  })

  it('and no longer than five thousand', () => {
    const run = again(Array.from({ length: 5_001 }, (_, index) => row(100 + index)))
    expect(run.of('trade')).toHaveLength(5_001)
  })

  it.each(['429 too many request topic', 'invalid topic'])(
    'nor where the venue refuses the history: %s',
    (message) => {
      const run = again()
      run.session.frame(packed({ status: 'error', ts: 1, id: '2', 'err-msg': message }), T + 40)
      expect(told(run)).toEqual(['gap closed', '8'])
      expect(run.of('connection')).toHaveLength(message.startsWith('429') ? 0 : 1)
    },
  )

  it('an empty history changes nothing', () => {
    const run = again()
    run.session.frame(reply(null), T + 40)
    expect(told(run)).toEqual(['gap closed', '8'])
  })

  it('history without the id that spot trades are known by is read by the other name', () => {
    const run = again([row(6, 6)])
    const { tradeId, ...rest } = row(6, 6)
    run.session.frame(reply([{ ...rest, 'trade-id': tradeId }, row(5, 5)]), T + 40)
    expect(told(run)).toEqual(['6 historical', 'gap closed healed'])
  })

  it('in a recording the same frames close the hole', () => {
    const run = harness(huobi(), { adopt: true })
    run.session.frame(push([row(5, 5)]), T)
    run.session.closed({ code: null, reason: '' }, T)
    const next = harness(huobi(), { adopt: true, memory: run.memory })
    next.session.frame(push([row(5, 5)]), T + 1)
    next.session.frame(push([row(6, 6)]), T + 2)
    expect(told(next)).toEqual(['gap closed healed', '6'])
  })
})

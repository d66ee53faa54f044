import { describe, expect, it } from 'vitest'
import { asked, granted, packed, sentBy, streamOf, T } from './frames.js'

const endpoint = { name: 'index', url: 'wss://api.hbdm.com/ws_index', rest: 'https://api.hbdm.com' }

function kline(topic: string, close: string, ts = 4): Uint8Array {
  return packed({
    ch: `market.${topic}.1min`,
    tick: { id: 60, open: '1', close, high: '1', low: '1', amount: '0' },
    ts,
  })
}

function answer(url: string, body: unknown, status = 200) {
  return { id: 'x', url, status, headers: {}, body: typeof body === 'string' ? body : JSON.stringify(body) }
}

const OPEN_INTEREST = 'https://api.hbdm.com/linear-swap-api/v1/swap_open_interest?contract_code=BTC-USDT'
const FUNDING = 'https://api.hbdm.com/linear-swap-api/v1/swap_batch_funding_rate?contract_code=BTC-USDT'

describe('the state of a derivative', () => {
  it('is merged from mark price, index, estimated rate, open interest and funding', () => {
    const run = granted([['BTC/USDT:USDT', 'derivative']], { endpoint })
    run.session.frame(kline('BTC-USDT.mark_price', '86826.6'), T)
    run.session.frame(kline('BTC-USDT.index', '86834.80'), T)
    run.session.frame(kline('BTC-USDT.estimated_rate', '0E-18'), T)
    run.session.response(
      answer(OPEN_INTEREST, {
        status: 'ok',
        data: [
          { volume: 616_113, contract_code: 'BTC-USDT' },
          { volume: 1, contract_code: 'X-USDT' },
        ],
        ts: 7,
      }),
      T,
    )
    const rates = {
      contract_code: 'BTC-USDT',
      funding_rate: '0.000064355479737646',
      estimated_rate: null,
      funding_time: '1790150400000',
      next_funding_time: null,
    }
    run.session.response(
      answer(FUNDING, { status: 'ok', data: [rates, { ...rates, contract_code: 'X-USDT' }], ts: 8 }),
      T,
    )
    const [first] = run.of('derivative')
    expect(first).toEqual({
      type: 'derivative',
      venue: 'huobi',
      symbol: 'BTC/USDT:USDT',
      instrument: 'BTC-USDT',
      channel: 'derivative',
      n: 1,
      exchangeTime: 4_000,
      receiveTime: T,
      markPrice: '86826.6',
      indexPrice: null,
      openInterest: null,
      openInterestUnit: 'contract',
      fundingRate: null,
      nextFundingTime: null,
      predictedFundingRate: null,
    })
    expect(run.of('derivative')).toHaveLength(5)
    expect(run.of('derivative').at(-1)).toMatchObject({
      exchangeTime: 8_000,
      markPrice: '86826.6',
      indexPrice: '86834.8',
      openInterest: '616113',
      fundingRate: '0.000064355479737646',
      nextFundingTime: 1_790_150_400_000_000,
      predictedFundingRate: '0',
    })
  })

  it('asks for what is not pushed, one call for all contracts of a family', () => {
    const run = granted(
      [
        ['BTC/USDT:USDT', 'derivative'],
        ['BTC/USD:BTC', 'derivative'],
        ['ETH/USD:ETH', 'derivative'],
        ['BTC/USD:BTC-301227', 'derivative'],
      ],
      { endpoint },
    )
    run.until(T + 200_000)
    const urls = run.requests.splice(0).map(({ url }) => url.replace('https://api.hbdm.com', ''))
    expect(urls).toEqual([
      '/linear-swap-api/v1/swap_open_interest?contract_code=BTC-USDT',
      '/linear-swap-api/v1/swap_batch_funding_rate?contract_code=BTC-USDT',
      '/swap-api/v1/swap_open_interest',
      '/swap-api/v1/swap_batch_funding_rate',
      '/api/v1/contract_open_interest?contract_code=BTC301227',
    ])
    const counts: number[] = []
    for (let poll = 1; poll <= 5; poll++) {
      run.until(T + 200_000 + poll * 15_000_000)
      counts.push(run.requests.splice(0).length)
    }
    expect(counts).toEqual([3, 3, 3, 5, 3])
  })

  it('asks with the list of all where there are several linear contracts', () => {
    const run = granted(
      [
        ['BTC/USDT:USDT', 'derivative'],
        ['ETH/USDT:USDT', 'derivative'],
      ],
      { endpoint },
    )
    run.until(T + 200_000)
    expect(run.requests[0]?.url).toBe(
      'https://api.hbdm.com/linear-swap-api/v1/swap_open_interest?business_type=all',
    )
  })

  it('stops asking when nobody wants it any more, and never asks without a REST base', () => {
    const run = granted([['BTC/USDT:USDT', 'derivative']], { endpoint })
    run.session.unsubscribe([streamOf('BTC/USDT:USDT', 'derivative')], T)
    run.until(T + 120_000_000)
    expect(run.requests).toEqual([])
    const without = granted([['BTC/USDT:USDT', 'derivative']], { endpoint: { ...endpoint, rest: null } })
    without.until(T + 120_000_000)
    expect(without.requests).toEqual([])
  })

  it.each([
    ['no answer', answer(OPEN_INTEREST, 'connect ECONNREFUSED', 0), 'connect ECONNREFUSED'],
    ['an HTTP error', answer(OPEN_INTEREST, '', 503), 'HTTP 503'],
    [
      'an error with status 200',
      answer(OPEN_INTEREST, { status: 'error', err_code: 1032, err_msg: 'too often' }),
      'too often',
    ],
  ])('%s is said once, until it is over', (_name, failure, words) => {
    const run = granted([['BTC/USDT:USDT', 'derivative']], { endpoint })
    const good = answer(OPEN_INTEREST, { status: 'ok', data: [] })
    for (const response of [failure, failure, good, failure]) run.session.response(response, T)
    const said = run.of('connection').map(({ reason }) => reason ?? '')
    expect(said).toHaveLength(2)
    expect(said[0]).toContain(words)
    expect(run.of('malformed')).toEqual([])
  })

  it('discloses an answer that does not fit', () => {
    const run = granted([['BTC/USDT:USDT', 'derivative']], { endpoint })
    run.session.response(answer(OPEN_INTEREST, { status: 'ok', data: [{ volume: 1 }] }), T)
    run.session.response(
      answer(OPEN_INTEREST, { status: 'ok', data: [{ volume: 'many', contract_code: 'BTC-USDT' }] }),
      T,
    )
    run.session.response(answer('https://api.hbdm.com/other', 'x'), T)
    expect(run.of('malformed')).toMatchObject([
      { reason: 'schema_mismatch', path: 'data.0.contract_code' },
      { reason: 'not_decimal', path: 'data.0.volume' },
    ])
  })

  it('shares the index of a pair among its contracts, and lives on without the rate that a contract has not', () => {
    const run = asked(
      [
        ['BTC/USD:BTC', 'derivative'],
        ['BTC/USD:BTC-301227', 'derivative'],
      ],
      { endpoint },
    )
    expect(sentBy(run).map(({ sub }) => sub)).toEqual([
      'market.BTC-USD.mark_price.1min',
      'market.BTC-USD.index.1min',
      'market.BTC-USD.estimated_rate.1min',
      'market.BTC301227.mark_price.1min',
    ])
    const topic = 'market.BTC-USD.estimated_rate.1min'
    run.session.frame(packed({ status: 'error', id: '3', ts: 1, 'err-msg': `invalid topic ${topic}` }), T)
    expect(run.of('connection')).toMatchObject([
      { state: 'refused', reason: `${topic}: invalid topic ${topic}` },
    ])
    run.session.frame(kline('BTC-USD.index', '5'), T)
    expect(run.of('derivative').map(({ instrument, indexPrice }) => [instrument, indexPrice])).toEqual([
      ['BTC-USD', '5'],
      ['BTC301227', '5'],
    ])
    run.session.unsubscribe([streamOf('BTC/USD:BTC', 'derivative')], T)
    expect(sentBy(run).map(({ unsub }) => unsub)).toEqual(['market.BTC-USD.mark_price.1min'])
  })

  it('is given up where every topic of it was refused', () => {
    const run = asked([['BTC/USDT:USDT', 'derivative']], { endpoint })
    for (const id of ['1', '2', '3'])
      run.session.frame(packed({ status: 'error', id, ts: 1, 'err-msg': 'invalid topic' }), T)
    expect(run.of('connection').map(({ reason }) => reason)).toEqual([
      'market.BTC-USDT.mark_price.1min: invalid topic',
      'market.BTC-USDT.index.1min: invalid topic',
      'derivative of BTC/USDT:USDT: invalid topic',
    ])
    run.until(T + 60_000_000)
    expect([run.requests, run.resubscribes]).toEqual([[], []])
  })
})

describe('the notification sockets', () => {
  const notify = (topic: string, more: object) =>
    packed({ op: 'notify', topic, ts: 1_790_135_117_894, ...more })
  const funding = {
    symbol: 'BTC',
    fee_asset: 'USDT',
    funding_time: '1790135110000',
    funding_rate: '0.000064355479737646',
    settlement_time: '1790150400000',
  }

  it('give the live funding rate: paid at settlement_time, estimated null however it is written', () => {
    const run = granted([['BTC/USDT:USDT', 'derivative:funding']])
    for (const estimated_rate of [null, 'null', '', '0.0001']) {
      run.session.frame(
        notify('public.BTC-USDT.funding_rate', {
          data: [{ ...funding, contract_code: 'BTC-USDT', estimated_rate }],
        }),
        T,
      )
    }
    expect(run.of('derivative')[0]).toMatchObject({
      channel: 'derivative:funding',
      exchangeTime: 1_790_135_110_000_000,
      fundingRate: '0.000064355479737646',
      nextFundingTime: 1_790_150_400_000_000,
    })
    expect(run.of('derivative').map(({ predictedFundingRate }) => predictedFundingRate)).toEqual([
      null,
      null,
      null,
      '0.0001',
    ])
  })

  it('begin with one frame of all contracts: every row to its own stream, the rest to nobody', () => {
    const data = ['BTC-USDT', 'ETH-USDT'].map((contract_code) => ({
      contract_code,
      funding_rate: '0E-18',
      settlement_time: '',
    }))
    const run = granted([['ETH/USDT:USDT', 'derivative:funding']])
    run.session.frame(notify('public.*.funding_rate', { data }), T)
    expect(run.of('derivative')).toMatchObject([
      {
        instrument: 'ETH-USDT',
        fundingRate: '0',
        nextFundingTime: null,
        exchangeTime: 1_790_135_117_894_000,
      },
    ])
    const log = granted([], { adopt: true })
    log.session.frame(
      packed({ op: 'sub', cid: '1', topic: 'public.*.funding_rate', ts: 1, 'err-code': 0 }),
      T,
    )
    log.session.frame(notify('public.*.funding_rate', { data }), T)
    expect(log.of('derivative').map(({ instrument }) => instrument)).toEqual(['BTC-USDT', 'ETH-USDT'])
  })

  it('tell liquidations by the side of the order', () => {
    const run = granted([
      ['ETH/USDT:USDT', 'liquidation'],
      ['BTC/USD:BTC-301227', 'liquidation'],
    ])
    const row = {
      symbol: 'ETH',
      contract_code: 'ETH-USDT',
      direction: 'buy',
      offset: 'close',
      volume: 500,
      price: 2446.26,
      created_at: 1_789_670_297_212,
      amount: 5,
    }
    run.session.frame(
      notify('public.ETH-USDT.liquidation_orders', { data: [row, { ...row, contract_code: 'XRP-USDT' }] }),
      T,
    )
    run.session.frame(
      notify('public.BTC.liquidation_orders', {
        data: [{ ...row, contract_code: 'BTC301227', direction: 'sell', price: null }],
      }),
      T,
    )
    expect(run.of('liquidation')).toEqual([
      {
        type: 'liquidation',
        venue: 'huobi',
        symbol: 'ETH/USDT:USDT',
        instrument: 'ETH-USDT',
        channel: 'liquidation',
        n: 1,
        exchangeTime: 1_789_670_297_212_000,
        receiveTime: T,
        id: null,
        price: '2446.26',
        amount: '500',
        amountUnit: 'contract',
        side: 'buy',
      },
      expect.objectContaining({ symbol: 'BTC/USD:BTC-301227', side: 'sell', price: null }),
    ])
  })

  it('tell instruments when they change, not every minute', () => {
    const run = granted([['BTC/USDT:USDT', 'instrument']])
    const row = {
      contract_code: 'BTC-USDT',
      contract_size: 0.001,
      price_tick: 0.1,
      contract_status: 1,
      delivery_time: '',
    }
    const option = { ...row, contract_code: 'BTC-USDT-210326-C-32000' }
    for (const status of [1, 1, 3, 3, 1]) {
      run.session.frame(
        notify('public.BTC-USDT.contract_info', {
          event: 'snapshot',
          data: [{ ...row, contract_status: status }, option],
        }),
        T,
      )
    }
    expect(run.of('instrument').map(({ status, contractSize }) => [status, contractSize])).toEqual([
      ['open', '0.001'],
      ['halted', '0.001'],
      ['open', '0.001'],
    ])
    expect(run.instruments.get('BTC-USDT')?.contractSize).toBe('0.001')
  })

  it('refuse with a number, and take a repeated subscription for granted', () => {
    const run = asked([
      ['BTC/USDT:USDT', 'liquidation'],
      ['ETH/USDT:USDT', 'liquidation'],
    ])
    run.session.frame(
      packed({
        op: 'sub',
        cid: '1',
        topic: 'public.BTC-USDT.liquidation_orders',
        ts: 1,
        'err-code': 2011,
        'err-msg': 'Contract does not exist.',
      }),
      T,
    )
    run.session.frame(
      packed({ op: 'sub', cid: '2', topic: 'public.ETH-USDT.liquidation_orders', ts: 1, 'err-code': 2014 }),
      T,
    )
    run.session.frame(packed({ op: 'sub', cid: '9', ts: 1, 'err-code': 0 }), T)
    expect(run.of('connection')).toMatchObject([
      { state: 'refused', reason: 'liquidation of BTC/USDT:USDT: Contract does not exist. (2011)' },
    ])
    run.until(T + 60_000_000)
    expect(run.resubscribes).toEqual([])
  })

  it('confirm an unsubscribe', () => {
    const run = granted([['BTC/USDT:USDT', 'liquidation']])
    run.session.unsubscribe([streamOf('BTC/USDT:USDT', 'liquidation')], T)
    expect(sentBy(run)).toEqual([{ op: 'unsub', cid: '2', topic: 'public.BTC-USDT.liquidation_orders' }])
    run.session.frame(
      packed({ op: 'unsub', cid: '2', topic: 'public.BTC-USDT.liquidation_orders', ts: 1, 'err-code': 0 }),
      T,
    )
    run.session.closed({ code: 1000, reason: '' }, T)
    expect(run.of('gap')).toEqual([])
  })

  it('announce maintenance, which is a planned pause', () => {
    const run = asked([['BTC/USDT:USDT', 'liquidation']])
    run.session.frame(
      packed({
        op: 'sub',
        cid: '1',
        topic: 'public.BTC-USDT.liquidation_orders',
        ts: 1,
        'err-code': 1006,
        'err-msg': 'Maintained.',
      }),
      T,
    )
    expect(run.of('connection')).toMatchObject([{ state: 'maintenance', reason: 'Maintained. (1006)' }])
    expect(run.reconnects).toEqual(['maintenance'])
    const heartbeat = (state: number) =>
      notify('public.linear-swap.heartbeat', { event: 'update', data: { heartbeat: state } })
    run.session.frame(heartbeat(0), T)
    run.session.frame(heartbeat(1), T)
    expect(run.of('connection').map(({ state }) => state)).toEqual(['maintenance', 'maintenance'])
  })

  it('refuse one connection too many, which holds all of the process', () => {
    const run = asked([['BTC/USDT:USDT', 'liquidation']])
    const topic = 'public.BTC-USDT.liquidation_orders'
    run.session.frame(
      packed({ op: 'sub', cid: '1', topic, ts: 1, 'err-code': 2030, 'err-msg': 'Too many.' }),
      T,
    )
    expect(run.of('connection')).toMatchObject([{ state: 'refused', reason: 'Too many. (2030)' }])
    expect(run.reconnects).toEqual(['Too many. (2030)'])
    expect(run.limits).toEqual([{ forMs: 60_000 }])
  })

  it('hang up and report errors', () => {
    const run = granted([['BTC/USDT:USDT', 'liquidation']])
    run.session.frame(packed({ op: 'error', ts: 1 }), T)
    run.session.frame(packed({ op: 'close', ts: 1 }), T)
    expect(run.of('connection')).toMatchObject([{ state: 'refused', reason: 'the venue reports an error' }])
    expect(run.reconnects).toEqual(['the venue hangs up'])
  })
})

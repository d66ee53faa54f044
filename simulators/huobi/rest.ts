import type { Family } from '../../connectors/huobi/symbols.js'
import type { SimulatedAnswer } from '../../src/simulator/venue-simulator.js'
import { json, type Route, Routes } from '../kit/routes.js'
import { indexValue, rateAt } from './figures.js'
import { printedLevels } from './frames.js'
import { type HuobiExchange, type HuobiInstrument, ofFamily } from './instruments.js'
import { contractRow, nextPayment } from './rows.js'
import { tickerRows } from './statistics-topics.js'

/** Where the calls of each family of derivatives begin, and the names in them. */
const CALLS: Readonly<Record<Exclude<Family, 'spot'>, string>> = {
  futures: '/api/v1/contract_',
  swap: '/swap-api/v1/swap_',
  linear: '/linear-swap-api/v1/swap_',
}

/** The venue's REST answers that its clients need beside the sockets. */
export function restRoutes(exchange: HuobiExchange): Routes {
  const ms = () => exchange.clock.ms()
  const spot = () => ofFamily(exchange, 'spot')
  const rows = (row: (pair: HuobiInstrument) => string) => `"data":[${spot().map(row).join()}]`
  return new Routes(
    {
      '/v1/common/symbols': () => ok(rows(symbolRow)),
      '/v1/settings/common/market-symbols': () => ok(`${rows(marketSymbolRow)},"ts":"${ms()}","full":1`),
      '/v2/settings/common/symbols': () => ok(`${rows(settingRow)},"ts":"${ms()}","full":1`),
      '/v2/reference/currencies': () => json(`{"code":200,"data":[${currencyRows(spot())}]}`),
      '/v2/market-status': () => json('{"code":200,"message":"success","data":{"marketStatus":1}}'),
      '/v1/common/timestamp': () => ok(`"data":${ms()}`),
      '/api/v1/timestamp': () => ok(`"ts":${ms()}`),
      '/market/depth': ({ query }) => depth(exchange, query),
      '/swap-ex/market/depth': ({ query }) => contractDepth(exchange, 'swap', query),
      '/linear-swap-ex/market/depth': ({ query }) => contractDepth(exchange, 'linear', query),
      '/market/tickers': () => ok(`"ts":${ms()},"data":[${tickerRows(exchange, ms())}]`),
      ...familyRoutes(exchange, 'futures'),
      ...familyRoutes(exchange, 'swap'),
      ...familyRoutes(exchange, 'linear'),
      '/linear-swap-api/v1/swap_index': () => {
        const perpetual = named(exchange, 'linear', null).filter(({ facts }) => facts.delivery === null)
        const texts = perpetual.map((instrument) => {
          const price = indexValue('.index.', instrument, ms())
          return `{"index_price":${price},"index_ts":${ms()},"contract_code":"${instrument.id}"}`
        })
        return ok(`"data":[${texts.join()}],"ts":${ms()}`)
      },
      '/index/market/history/linear_swap_mark_price_kline': ({ query }) => markPrice(exchange, query),
      '/heartbeat': () => {
        const heartbeat = exchange.faults.active('maintenance', exchange.now) ? 0 : 1
        return ok(`"data":{"heartbeat":${heartbeat},"linear_swap_heartbeat":1},"ts":${ms()}`)
      },
    },
    json('{"status":"error","err-code":"invalid-parameter","err-msg":"no such path"}', 404),
  )
}

/** What every family of derivatives has under names of its own. */
function familyRoutes(exchange: HuobiExchange, family: Exclude<Family, 'spot'>): Record<string, Route> {
  const call = CALLS[family]
  const listing = (texts: string[]) => ok(`"data":[${texts.join()}],"ts":${exchange.clock.ms()}`)
  return {
    [`${call}contract_info`]: () => listing(ofFamily(exchange, family).map(contractRow)),
    [`${call}open_interest`]: ({ query }) =>
      listing(named(exchange, family, query.get('contract_code')).map(openInterestRow)),
    [`${call}batch_funding_rate`]: ({ query }) =>
      listing(
        named(exchange, family, query.get('contract_code'))
          .filter(({ facts }) => facts.delivery === null)
          .map((instrument) => fundingRateRow(instrument, exchange.clock.ms())),
      ),
  }
}

/** Those that trade: all, or the one of a code or alias. */
function named(exchange: HuobiExchange, family: Family, code: string | null): HuobiInstrument[] {
  const upper = code?.toUpperCase() ?? null
  return ofFamily(exchange, family).filter(
    ({ facts, listed }) => listed && (upper === null || facts.id === upper || facts.alias === upper),
  )
}

function depth(exchange: HuobiExchange, query: URLSearchParams): SimulatedAnswer {
  const symbol = query.get('symbol') ?? ''
  const pair = ofFamily(exchange, 'spot').find(({ id }) => id === symbol)
  if (pair === undefined) {
    return json('{"status":"error","err-code":"invalid-parameter","err-msg":"invalid symbol"}')
  }
  const ms = exchange.clock.ms()
  const { bids, asks } = pair.market.book.top(Number(query.get('depth') ?? '20'))
  const sides = `"bids":${printedLevels(pair.facts, bids)},"asks":${printedLevels(pair.facts, asks)}`
  const tick = `{${sides},"version":${pair.counter},"ts":${ms - 5}}`
  return ok(`"ch":"market.${symbol}.depth.step0","ts":${ms},"tick":${tick}`)
}

/** Step 0 of a contract's book. Coin-margined futures have their own host for the path of spot. */
function contractDepth(exchange: HuobiExchange, family: Family, query: URLSearchParams): SimulatedAnswer {
  const ms = exchange.clock.ms()
  const code = query.get('contract_code')
  const [instrument] = code === null ? [] : named(exchange, family, code)
  if (instrument === undefined) {
    return json(`{"status":"error","err_code":1332,"err_msg":"The contract doesn't exist.","ts":${ms}}`)
  }
  const { facts, market, counter } = instrument
  const { bids, asks } = market.book.top(150)
  const sides = `"bids":${printedLevels(facts, bids)},"asks":${printedLevels(facts, asks)}`
  const seconds = Math.floor(ms / 1000)
  const ch = `market.${facts.id}.depth.step0`
  const tick = `{"mrid":${counter},"id":${seconds},${sides},"ts":${ms - 1},"version":${seconds},"ch":"${ch}"}`
  return ok(`"ch":"${ch}","ts":${ms},"tick":${tick}`)
}

function markPrice(exchange: HuobiExchange, query: URLSearchParams): SimulatedAnswer {
  const ms = exchange.clock.ms()
  const code = query.get('contract_code')
  const [instrument] = code === null ? [] : named(exchange, 'linear', code)
  if (instrument === undefined) {
    return json(`{"status":"error","err_code":1332,"err_msg":"The contract doesn't exist.","ts":${ms}}`)
  }
  const value = indexValue('.mark_price.', instrument, ms)
  const id = Math.floor(ms / 60_000) * 60
  const prices = ['open', 'close', 'high', 'low'].map((name) => `"${name}":"${value}"`).join()
  const ch = `market.${instrument.id}.mark_price.${query.get('period') ?? '1min'}`
  return ok(`"ch":"${ch}","ts":${ms},"data":[{"id":${id},${prices},"amount":"0","vol":"0","count":"0"}]`)
}

/** Contracts of both sides, as the venue counts them. */
function openInterestRow({ facts, market }: HuobiInstrument): string {
  const volume = 1_000_000 + market.day.trades * 2
  return `{"volume":${volume},"amount":${volume}.0,"symbol":"${facts.base}","contract_code":"${facts.id}"}`
}

function fundingRateRow(instrument: HuobiInstrument, ms: number): string {
  const { id, base, quote } = instrument.facts
  const times = `"funding_time":"${nextPayment(ms)}","next_funding_time":null`
  const rates = `"estimated_rate":null,"funding_rate":"${rateAt(instrument, ms)}"`
  return `{${rates},"contract_code":"${id}","symbol":"${base}","fee_asset":"${quote}",${times}}`
}

function symbolRow({ facts, status }: HuobiInstrument): string {
  const { base, quote, id, shape } = facts
  const state = status === 'open' ? 'online' : status === 'suspended' ? 'suspend' : 'offline'
  const precision = `"price-precision":${shape.priceDecimals},"amount-precision":${shape.amountDecimals}`
  return (
    `{"base-currency":"${base}","quote-currency":"${quote}",${precision},"symbol-partition":"main","symbol":"${id}",` +
    `"state":"${state}","value-precision":8,"min-order-amt":1.0E-4,"api-trading":"enabled","tags":""}`
  )
}

function settingRow({ facts, status }: HuobiInstrument): string {
  const { base, quote, id, shape } = facts
  const state = status === 'open' ? 'online' : status === 'suspended' ? 'suspend' : 'offline'
  const names = `"sc":"${id}","bc":"${base}","qc":"${quote}","bcdn":"${base.toUpperCase()}","qcdn":"${quote.toUpperCase()}"`
  return `{${names},"state":"${state}","te":${status === 'open'},"tpp":${shape.priceDecimals},"tap":${shape.amountDecimals},"ttp":8}`
}

function marketSymbolRow({ facts, status }: HuobiInstrument): string {
  const { base, quote, id, shape } = facts
  const state = status === 'open' ? 'online' : status === 'suspended' ? 'suspend' : 'offline'
  const names = `"symbol":"${id}","bc":"${base}","qc":"${quote}","state":"${state}","sp":"main","tags":""`
  const precisions = `"pp":${shape.priceDecimals},"ap":${shape.amountDecimals},"vp":8`
  return `{${names},${precisions},"minoa":1.0E-4,"maxoa":1000000,"minov":5,"at":"enabled"}`
}

/** The coins of all pairs. */
function currencyRows(pairs: readonly HuobiInstrument[]): string {
  const coins = new Set(pairs.flatMap(({ facts }) => [facts.base, facts.quote]))
  const row = (coin: string) => {
    const states = '"depositStatus":"allowed","withdrawStatus":"allowed"'
    const chain = `{"chain":"${coin}","displayName":"${coin.toUpperCase()}",${states},"withdrawPrecision":8}`
    return `{"currency":"${coin}","instStatus":"normal","chains":[${chain}]}`
  }
  return [...coins].map(row).join()
}

function ok(said: string): SimulatedAnswer {
  return json(`{"status":"ok",${said}}`)
}

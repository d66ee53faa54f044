import type { Family } from '../../connectors/huobi/symbols.js'
import type { Micros } from '../../schemas/events.js'
import type { SimulatedAnswer, SimulatedRequest } from '../../src/simulator/venue-simulator.js'
import { printedLevels } from './frames.js'
import type { SimulatedInstrument } from './instruments.js'
import { contractRow, nextPayment } from './rows.js'
import type { Scene } from './scene.js'
import { bestOf, dayFigures, indexValue, rateAt } from './statistics-topics.js'

/** The venue's REST answers that its clients need beside the sockets. */
export class RestApi {
  readonly #scene: Scene

  constructor(scene: Scene) {
    this.#scene = scene
  }

  answer({ path }: SimulatedRequest, at: Micros): SimulatedAnswer {
    this.#scene.begin(at)
    const { pathname, searchParams } = new URL(path, 'http://localhost')
    const ms = this.#scene.ms(at)
    switch (pathname) {
      case '/v1/common/symbols':
        return ok(`"data":[${this.#of('spot').map(symbolRow).join()}]`)
      case '/v2/settings/common/symbols':
        return ok(`"data":[${this.#of('spot').map(settingRow).join()}],"ts":"${ms}","full":1`)
      case '/v2/market-status':
        return json('{"code":200,"message":"success","data":{"marketStatus":1}}')
      case '/v1/common/timestamp':
        return ok(`"data":${ms}`)
      case '/market/depth':
        return this.#depth(searchParams, ms)
      case '/market/tickers':
        return ok(`"ts":${ms},"data":[${this.#tickers(ms)}]`)
      case '/api/v1/contract_contract_info':
        return this.#contracts('futures', ms)
      case '/swap-api/v1/swap_contract_info':
        return this.#contracts('swap', ms)
      case '/linear-swap-api/v1/swap_contract_info':
        return this.#contracts('linear', ms)
      case '/api/v1/contract_open_interest':
        return this.#openInterest('futures', searchParams, ms)
      case '/swap-api/v1/swap_open_interest':
        return this.#openInterest('swap', searchParams, ms)
      case '/linear-swap-api/v1/swap_open_interest':
        return this.#openInterest('linear', searchParams, ms)
      case '/swap-api/v1/swap_batch_funding_rate':
        return this.#fundingRates('swap', searchParams, ms)
      case '/linear-swap-api/v1/swap_batch_funding_rate':
        return this.#fundingRates('linear', searchParams, ms)
      case '/linear-swap-api/v1/swap_index':
        return this.#indices(ms)
      case '/index/market/history/linear_swap_mark_price_kline':
        return this.#markPrice(searchParams, ms)
      case '/heartbeat/':
        return ok(
          `"data":{"heartbeat":${at < this.#scene.maintenanceUntil ? 0 : 1},"linear_swap_heartbeat":1},"ts":${ms}`,
        )
      case '/api/v1/timestamp':
        return ok(`"ts":${ms}`)
      default:
        return {
          ...json('{"status":"error","err-code":"invalid-parameter","err-msg":"no such path"}'),
          status: 404,
        }
    }
  }

  #of(family: Family): SimulatedInstrument[] {
    return this.#scene.instruments.filter(({ facts }) => facts.family === family)
  }

  #named(family: Family, query: URLSearchParams): SimulatedInstrument[] {
    const code = query.get('contract_code')?.toUpperCase() ?? null
    return this.#of(family).filter(
      ({ facts, status }) =>
        status === 'open' && (code === null || facts.id === code || facts.alias === code),
    )
  }

  #depth(query: URLSearchParams, ms: number): SimulatedAnswer {
    const symbol = query.get('symbol') ?? ''
    const pair = this.#of('spot').find(({ facts }) => facts.id === symbol)
    if (pair === undefined) {
      return json('{"status":"error","err-code":"invalid-parameter","err-msg":"invalid symbol"}')
    }
    const { bids, asks } = pair.market.book.top(Number(query.get('depth') ?? '20'))
    const sides = `"bids":${printedLevels(pair.facts, bids)},"asks":${printedLevels(pair.facts, asks)}`
    return ok(
      `"ch":"market.${symbol}.depth.step0","ts":${ms},"tick":{${sides},"version":${pair.counter},"ts":${ms - 5}}`,
    )
  }

  #tickers(ms: number): string {
    return this.#of('spot')
      .filter(({ status }) => status === 'open')
      .map((pair) => `{"symbol":"${pair.facts.id}",${dayFigures(pair, ms)},${bestOf(pair)}}`)
      .join()
  }

  #contracts(family: Family, ms: number): SimulatedAnswer {
    return ok(`"data":[${this.#of(family).map(contractRow).join()}],"ts":${ms}`)
  }

  /** Contracts of both sides, as the venue counts them. */
  #openInterest(family: Family, query: URLSearchParams, ms: number): SimulatedAnswer {
    const rows = this.#named(family, query).map(({ facts, day }) => {
      const volume = 1_000_000 + day.count * 2
      return `{"volume":${volume},"amount":${volume}.0,"symbol":"${facts.base}","contract_code":"${facts.id}"}`
    })
    return ok(`"data":[${rows.join()}],"ts":${ms}`)
  }

  #fundingRates(family: Family, query: URLSearchParams, ms: number): SimulatedAnswer {
    const rows = this.#named(family, query)
      .filter(({ facts }) => facts.delivery === null)
      .map((instrument) => {
        const { id, base, quote } = instrument.facts
        const times = `"funding_time":"${nextPayment(ms)}","next_funding_time":null`
        const rates = `"estimated_rate":null,"funding_rate":"${rateAt(instrument, ms)}"`
        return `{${rates},"contract_code":"${id}","symbol":"${base}","fee_asset":"${quote}",${times}}`
      })
    return ok(`"data":[${rows.join()}],"ts":${ms}`)
  }

  #indices(ms: number): SimulatedAnswer {
    const rows = this.#named('linear', new URLSearchParams())
      .filter(({ facts }) => facts.delivery === null)
      .map(
        (instrument) =>
          `{"index_price":${indexValue('.index.', instrument, ms)},"index_ts":${ms},"contract_code":"${instrument.facts.id}"}`,
      )
    return ok(`"data":[${rows.join()}],"ts":${ms}`)
  }

  #markPrice(query: URLSearchParams, ms: number): SimulatedAnswer {
    const [instrument] = this.#named('linear', query)
    if (instrument === undefined || query.get('contract_code') === null) {
      return json(`{"status":"error","err_code":1332,"err_msg":"The contract doesn't exist.","ts":${ms}}`)
    }
    const value = indexValue('.mark_price.', instrument, ms)
    const id = Math.floor(ms / 60_000) * 60
    const prices = ['open', 'close', 'high', 'low'].map((name) => `"${name}":"${value}"`).join()
    const ch = `market.${instrument.facts.id}.mark_price.${query.get('period') ?? '1min'}`
    return ok(`"ch":"${ch}","ts":${ms},"data":[{"id":${id},${prices},"amount":"0","vol":"0","count":"0"}]`)
  }
}

function symbolRow({ facts, status }: SimulatedInstrument): string {
  const { base, quote, id, shape } = facts
  const state = status === 'open' ? 'online' : status === 'suspended' ? 'suspend' : 'offline'
  const precision = `"price-precision":${shape.priceDecimals},"amount-precision":${shape.amountDecimals}`
  return (
    `{"base-currency":"${base}","quote-currency":"${quote}",${precision},"symbol-partition":"main","symbol":"${id}",` +
    `"state":"${state}","value-precision":8,"min-order-amt":1.0E-4,"api-trading":"enabled","tags":""}`
  )
}

function settingRow({ facts, status }: SimulatedInstrument): string {
  const { base, quote, id, shape } = facts
  const state = status === 'open' ? 'online' : status === 'suspended' ? 'suspend' : 'offline'
  const names = `"sc":"${id}","bc":"${base}","qc":"${quote}","bcdn":"${base.toUpperCase()}","qcdn":"${quote.toUpperCase()}"`
  return `{${names},"state":"${state}","te":${status === 'open'},"tpp":${shape.priceDecimals},"tap":${shape.amountDecimals},"ttp":8}`
}

function ok(said: string): SimulatedAnswer {
  return json(`{"status":"ok",${said}}`)
}

function json(body: string): SimulatedAnswer {
  return { status: 200, headers: { 'content-type': 'application/json;charset=UTF-8' }, body }
}

import type { SimulatorOptions, VenueSimulator } from '../../src/simulator/venue-simulator.js'
import { json, Routes } from '../kit/routes.js'
import { SimulatedExchange } from '../kit/simulated-exchange.js'
import { FAULTS, IMMEDIATE_FAULTS, LightningClient } from './client.js'
import { DELISTED, executionRow, type Product, products, time } from './product.js'

const IMAGE_MICROS = 5_000_000
const TICKER_MICROS = 700_000
/** Rows of an answer, and at most. */
const COUNT = 100
const MOST = 500

/** bitFlyer Lightning: its JSON-RPC at any path, and the calls over HTTP that a reader of market data makes. */
export function simulateBitflyer(options: SimulatorOptions = {}): VenueSimulator {
  /** Rises over all products. */
  let lastId = 0
  const stopped = () => exchange.faults.active('maintenance', exchange.now)
  const exchange = new SimulatedExchange<Product, LightningClient>(options, {
    faults: FAULTS,
    immediate: IMMEDIATE_FAULTS,
    instruments: (random) => products(options, random),
    delistable: ({ id }) => id === DELISTED,
    begin(at) {
      // No run gives an id of the run before it.
      lastId = Math.floor(at / 100)
      exchange.timers.every(IMAGE_MICROS, () => {
        if (!stopped()) publish((client, product) => client.image(product))
      })
      exchange.timers.every(TICKER_MICROS, () => {
        const state = stopped() ? 'CLOSED' : 'RUNNING'
        const stamp = time(exchange.clock.read())
        const messages = new Map(exchange.listed.map((product) => [product, product.ticker(state, stamp)]))
        publish((client, product) => client.ticker(product, messages.get(product) ?? ''))
      })
    },
    step(product, at) {
      if (stopped()) return
      const { moves, trades } = product.market.step(at)
      const executions = trades.map((trade) => ({ ...trade, id: ++lastId }))
      product.keep(executions)
      for (const client of exchange.clients) {
        client.moved(product, moves)
        if (executions.length > 0) client.executed(product, executions)
      }
    },
  })

  /** Of the products that are not silent. */
  function publish(say: (client: LightningClient, product: Product) => void): void {
    for (const client of exchange.clients) {
      for (const product of exchange.listed) if (exchange.moves(product)) say(client, product)
    }
  }

  const listing = (fits: (id: string) => boolean) => () =>
    json(exchange.listed.filter(({ id }) => fits(id)).map(({ row }) => row))
  const all = listing((id) => id !== 'BTC_USD')
  const usa = listing((id) => id === 'BTC_USD' || id === 'BTC_JPY')
  const eu = listing((id) => id === 'BTC_JPY')

  const rest = new Routes(
    {
      '/v1/getmarkets': all,
      '/v1/getmarkets/usa': usa,
      '/v1/getmarkets/eu': eu,
      '/v1/gethealth': () => json({ status: stopped() ? 'STOP' : 'NORMAL' }),
      '/v1/getexecutions': ({ query }) => {
        const product = exchange.instruments.get(query.get('product_code') ?? 'BTC_JPY')
        if (product === undefined) return json({ status: -156, error_message: 'Invalid product' }, 400)
        const before = Number(query.get('before') ?? Number.POSITIVE_INFINITY)
        const after = Number(query.get('after') ?? 0)
        const rows = product.executions
          .filter(({ id }) => id < before && id > after)
          .slice(-Math.min(MOST, Number(query.get('count') ?? COUNT)))
        // Milliseconds, and no zone.
        const text = (at: number) => time(exchange.clock.read(at)).slice(0, 23)
        return json(`[${rows.toReversed().map((row) => executionRow(row, text(row.time)))}]`)
      },
    },
    json('{"status":-1,"error_message":"Not found"}', 404),
  )

  return exchange.simulator('bitflyer', {
    connect: (peer) => new LightningClient(exchange, peer),
    http: (request) => rest.answer(request),
  })
}

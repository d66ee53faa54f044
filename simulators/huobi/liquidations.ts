import type { HuobiExchange, HuobiInstrument } from './instruments.js'

/** A liquidation somewhere in each family about this often. */
const EVERY_MICROS = 3_000_000
const FAMILIES = ['futures', 'swap', 'linear'] as const

/** Closes positions by force. @param publish is given the row of each, as it stands in a push */
export function liquidate(
  exchange: HuobiExchange,
  publish: (instrument: HuobiInstrument, row: string) => void,
): void {
  exchange.timers.every(EVERY_MICROS, () => {
    for (const family of FAMILIES) {
      const moving = exchange.listed.filter(
        (instrument) => instrument.facts.family === family && exchange.moves(instrument),
      )
      if (moving.length === 0) continue
      const instrument = exchange.random.pick(moving)
      publish(instrument, rowOf(exchange, instrument))
    }
  })
}

function rowOf({ random, clock }: HuobiExchange, { facts, market }: HuobiInstrument): string {
  const direction = random.chance(0.5) ? 'buy' : 'sell'
  const { bid, ask } = market.book.best()
  const price = (direction === 'buy' ? ask : bid)?.[0] ?? '0'
  const volume = random.integer(1, 5_000) * 2
  const kind = `"contract_type":"${facts.delivery === null ? 'swap' : 'quarter'}"`
  return (
    `{"symbol":"${facts.base}","contract_code":"${facts.id}","direction":"${direction}","offset":"close",` +
    `"volume":${volume},"price":${price},"created_at":${clock.ms()},${kind}}`
  )
}

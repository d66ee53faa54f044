import { integer, number } from 'tapewire/venue'
import * as z from 'zod'

/**
 * What Harbor says, a schema for each message under the frame it was made from. A number arrives as its exact text, so a price is
 * `number` (text) and a count `integer`. Fields are added without notice: the objects are loose.
 */

/** How every frame is told from the others: `{"op":"ping"}`, `{"topic":"trade", …}`. */
export const head = z.looseObject({ op: z.string().optional(), topic: z.string().optional() })

/** The answer to a subscribe: `{"op":"subscribed","topic":"book","market":"BTC-USD"}`. */
export const answer = z.looseObject({ topic: z.enum(['trade', 'book']), market: z.string() })

/** A refusal: `{"op":"error","topic":"book","market":"NO-WAY","message":"unknown market"}`. */
export const refusal = answer.extend({ message: z.string() })

/** `{"topic":"trade","market":"BTC-USD","id":7,"price":30000.5,"amount":0.25,"taker":"buy","time":1700000000000}` */
export const trade = z.looseObject({
  market: z.string(),
  id: number,
  price: number,
  amount: number,
  taker: z.enum(['buy', 'sell']),
  time: integer,
})

const level = z.tuple([number, number])

/**
 * The whole book, then its changes; an amount of 0 takes a level away, and each change has the number of the one before plus one:
 * `{"topic":"book","market":"BTC-USD","type":"change","seq":101,"bids":[[30000.1,0]],"asks":[],"time":1700000000000}`
 */
export const book = z.looseObject({
  market: z.string(),
  type: z.enum(['snapshot', 'change']),
  seq: integer,
  bids: z.array(level),
  asks: z.array(level),
  time: integer,
})

/** `GET /markets`: `[{"id":"BTC-USD","base":"BTC","quote":"USD","tick":"0.1"}]` */
export const markets = z.array(
  z.looseObject({ id: z.string(), base: z.string(), quote: z.string(), tick: z.string() }),
)

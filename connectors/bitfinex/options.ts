import * as z from 'zod'
import type { ConnectorOptions } from '../../src/connector.js'
import { connectorOptions } from '../../src/options.js'

/** What Bitfinex can be asked for besides what every connector takes. */
export interface BitfinexOptions extends ConnectorOptions {
  /**
   * Levels a side of a book, or orders a side of an `order` stream. The venue keeps exactly so many up to date, deletes and
   * inserts at the far end included. The checksum proves the best 25 whatever the length.
   *
   * 100 is what most recordings of this venue hold: deep enough to price an order of some size, and a quarter of the
   * traffic of 250 on a busy market.
   *
   * @default 100
   */
  readonly bookLength?: 1 | 25 | 100 | 250
  /** How often books are told: `F0` at once, `F1` every two seconds. @default 'F0' */
  readonly bookFrequency?: 'F0' | 'F1'
  /** Whether the markets for play (`tTESTBTC:TESTUSD`) are listed among the instruments. @default false */
  readonly includePaper?: boolean
  /**
   * Which loans the candles of a funding currency are made of: one period in days (`p30`), or several aggregated
   * (`a30:p2:p30`). @default 'a30:p2:p30'
   */
  readonly fundingCandles?: string
}

export const bitfinexOptions = connectorOptions.extend({
  bookLength: z.literal([1, 25, 100, 250], { error: 'must be 1, 25, 100 or 250' }).default(100),
  bookFrequency: z.enum(['F0', 'F1'], { error: 'must be F0 or F1' }).default('F0'),
  includePaper: z.boolean().default(false),
  fundingCandles: z
    .string()
    .regex(/^(?:p\d{1,3}|a\d{1,3}:p\d{1,3}:p\d{1,3})$/, 'must be a period such as p30, or a30:p2:p30')
    .default('a30:p2:p30'),
})

export type ResolvedOptions = z.output<typeof bitfinexOptions>

import type { BookSide } from '../../src/book/order-book.js'
import { units } from '../../src/simulator/market.js'
import type { BitmexListing } from './listing.js'

/** Ids of the L2 rows of one instrument, as both dialects have them. */
export class LevelIds {
  readonly #listing: BitmexListing
  readonly #free = new Map<string, string>()
  readonly #first: bigint
  #next = 0n

  /** @param table counts the tables that have ids of their own */
  constructor(listing: BitmexListing, table: number) {
    this.#listing = listing
    this.#first = 62_400_000_000n + BigInt(listing.index * 10 + table) * 1_000_000_000n
  }

  /** Until 2023: `price = (1e8 * index - id) * tick`, so ids ascend as the price falls. */
  coded(price: string): string {
    const { index, idTick, shape } = this.#listing
    const steps = units(price, shape?.priceDecimals ?? 0) / BigInt(idTick)
    return (BigInt(index) * 100_000_000n - steps).toString()
  }

  /** Since 2023 an id says nothing: a level gets a new one whenever it appears. */
  free(side: BookSide, price: string): string {
    const key = `${side} ${price}`
    let id = this.#free.get(key)
    if (id === undefined) {
      id = (this.#first + this.#next++ * 7n).toString()
      this.#free.set(key, id)
    }
    return id
  }

  /** The level is gone, and its id with it. */
  drop(side: BookSide, price: string): void {
    this.#free.delete(`${side} ${price}`)
  }
}

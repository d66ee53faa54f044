import { Decimal } from 'decimal.js'
import { describe, expect, it } from 'vitest'
import { bitmex } from '../../../connectors/bitmex/index.js'
import { bookImageRow } from '../../../schemas/bitmex.js'
import type { Level, MarketEvent } from '../../../schemas/events.js'
import { checker } from '../../../src/decode/decoder.js'
import { readLossless } from '../../../src/decode/lossless.js'
import { harness } from '../../support/harness.js'
import { capturesPresent, singleMessages } from './recordings.js'

/** What the source says of the base and quote quantities is its own conversion with binary floats. */
const OWN_CONVERSION = /quantity_(?:base|quote)|candlestick_msg\.(?:volume|quote_volume)/

const check = checker(bookImageRow)

/** The events of one message. What changes a book needs a partial before it, as on the wire. */
function events(kind: string, data: string): MarketEvent[] {
  const run = harness(bitmex(), { adopt: true })
  if (kind.endsWith('_delete')) {
    const row = '{"symbol":"ETHZ21","id":63399993018,"side":"Buy","size":5,"price":0.06982}'
    run.session.frame(`{"table":"orderBookL2_25","action":"partial","data":[${row}]}`, 1)
  } else if (data.includes('"table":"orderBookL2","action":"insert"')) {
    const symbol = /"symbol":"(\w+)"/.exec(data)?.[1]
    run.session.frame(
      `{"table":"orderBookL2","action":"partial","filter":{"symbol":"${symbol}"},"data":[]}`,
      1,
    )
  }
  run.events.length = 0
  run.session.frame(data, 2)
  return run.events.filter(({ type }) => type !== 'instrument')
}

/** An event in the words of the source. */
function inItsWords(found: readonly MarketEvent[]): Record<string, unknown> {
  const first = found[0]
  const last = found.at(-1)
  if (first === undefined || last === undefined || !('exchangeTime' in first) || !('exchangeTime' in last))
    return {}
  const ms = (micros: number | null) => (micros === null ? 'None' : String(micros / 1000))
  const pair = (symbol: string) => symbol.split(':')[0]
  const symbols = new Set(found.map((event) => ('instrument' in event ? event.instrument : '')))
  const words: Record<string, unknown> = {
    extract_symbol: symbols.size > 1 ? 'ALL' : first.instrument,
    extract_timestamp_ms: ms(last.exchangeTime),
    'arr.len()': String(found.length),
    'funding_rates.len()': String(found.length),
  }
  for (const [index, event] of found.entries()) {
    if (event.type !== 'derivative') continue
    words[`funding_rates[${index}].pair`] = pair(event.symbol)
    words[`funding_rates[${index}].funding_rate`] = event.fundingRate
    words[`funding_rates[${index}].funding_time`] = ms(event.exchangeTime)
  }
  if (first.type === 'trade') {
    words['trade.price'] = first.price
    words['trade.quantity_contract'] = first.amountUnit === 'contract' ? first.amount : null
    words['trade.side'] = first.side === 'buy' ? 'Buy' : 'Sell'
  } else if (first.type === 'quote') {
    Object.assign(words, {
      'bbo_msg.symbol': first.instrument,
      'bbo_msg.timestamp': ms(first.exchangeTime),
      'bbo_msg.id': 'None',
      'bbo_msg.ask_price': first.askPrice,
      'bbo_msg.ask_quantity_contract': first.askAmount,
      'bbo_msg.bid_price': first.bidPrice,
      'bbo_msg.bid_quantity_contract': first.bidAmount,
    })
  } else if (first.type === 'candle') {
    Object.assign(words, {
      'candlestick_msg.symbol': first.instrument,
      'candlestick_msg.pair': pair(first.symbol),
      'candlestick_msg.timestamp': ms(first.exchangeTime),
      'candlestick_msg.begin_time': ms(first.openTime),
      'candlestick_msg.period': first.interval,
      'candlestick_msg.open': first.open,
      'candlestick_msg.high': first.high,
      'candlestick_msg.low': first.low,
      'candlestick_msg.close': first.close,
    })
  } else if (first.type === 'book_snapshot' || first.type === 'book_update') {
    Object.assign(words, {
      'orderbook.snapshot': String(first.type === 'book_snapshot'),
      'orderbook.timestamp': ms(first.exchangeTime),
      'orderbook.seq_id': first.sequence ?? 'None',
      'orderbook.prev_seq_id': 'None',
      ...levelWords('bids', first.bids),
      ...levelWords('asks', first.asks),
    })
  }
  return words
}

function levelWords(side: 'bids' | 'asks', levels: readonly Level[]): Record<string, string> {
  const words: Record<string, string> = { [`orderbook.${side}.len()`]: String(levels.length) }
  for (const [index, [price, amount]] of levels.entries()) {
    words[`orderbook.${side}[${index}].price`] = price
    words[`orderbook.${side}[${index}].quantity_contract.unwrap()`] = amount
  }
  return words
}

/** The ids of the old dialect are made of the price; the expectation states the pairs. */
function idOf(data: string, price: string): string | undefined {
  return new RegExp(`"id":(\\d+)[^}]*"price":${new Decimal(price).toFixed()}[,}]`).exec(data)?.[1]
}

function same(found: unknown, expected: string): boolean {
  if (found === expected) return true
  return typeof found === 'string' && /^-?\d/.test(expected) && new Decimal(found).eq(expected)
}

describe.skipIf(!capturesPresent())('single messages of 2021 to 2023', () => {
  const messages = capturesPresent() ? singleMessages() : []

  it('are all here', () => {
    expect(messages).toHaveLength(29)
  })

  it.each(messages.filter(({ data }) => data.startsWith('{')))(
    '$kind says what its source expects',
    (message) => {
      const found = events(message.kind, message.data)
      expect(found.length).toBeGreaterThan(0)
      expect(found.filter(({ type }) => type === 'malformed' || type === 'gap')).toEqual([])
      const words = inItsWords(found)
      for (const [expression, expected] of Object.entries(message.expect?.upstream ?? {})) {
        if (OWN_CONVERSION.test(expression)) continue
        const price = /^price_to_id\("XBTUSD", (.*)\)$/.exec(expression)?.[1]
        const actual = price === undefined ? words[expression] : idOf(message.data, price)
        expect(same(actual, expected), `${expression} is ${String(actual)}, expected ${expected}`).toBe(true)
      }
    },
  )

  it.each(messages.filter(({ data }) => data.startsWith('[')))(
    '$kind is an answer of REST with rows as a partial has',
    (message) => {
      const rows = readLossless(message.data)
      expect(Array.isArray(rows)).toBe(true)
      for (const row of Array.isArray(rows) ? rows : []) {
        expect(check(row, message.data).symbol).toBe(message.expect?.upstream['extract_symbol'])
      }
    },
  )

  it('a settlement has no side', () => {
    const settlement = messages.find(({ data }) => data.includes('"trdType":"Settlement"'))
    expect(events('', settlement?.data ?? '')).toMatchObject([
      {
        type: 'trade',
        instrument: 'XBTF23',
        symbol: 'BTC/USD:BTC-230127',
        side: null,
        price: '22957.36',
        amount: '1500',
        exchangeTime: Date.UTC(2023, 0, 27, 12) * 1000,
      },
    ])
  })
})

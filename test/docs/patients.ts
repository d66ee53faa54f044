import { bitfinexVenue } from '../../connectors/bitfinex/index.js'
import { bitflyerVenue } from '../../connectors/bitflyer/index.js'
import { bitmexVenue } from '../../connectors/bitmex/index.js'
import { bitstampVenue } from '../../connectors/bitstamp/index.js'
import { bittrexVenue } from '../../connectors/bittrex/index.js'
import { blockchainVenue } from '../../connectors/blockchain/index.js'
import { type CexOptions, cexVenue } from '../../connectors/cex/index.js'
import { huobiVenue } from '../../connectors/huobi/index.js'
import type { Channel, Venue } from '../../src/connector.js'
import type { ClockSteps, Draft } from './stage.js'

/** How each thing that is to be noticed is brought about at one venue; null where it cannot happen there, or cannot be seen. */
export interface Patient {
  /** The column of the table. */
  readonly name: string
  readonly venue: Venue
  readonly symbol: string
  /** A market whose data go on while the other's do not. */
  readonly other: string
  readonly channel: Channel
  readonly connector?: CexOptions
  /** The clock of the feed's machine is set again and again. */
  readonly clock?: ClockSteps
  /** The frame that asks for the stream. */
  readonly asks: RegExp
  /** What shows that the venue lives. @default any frame */
  readonly beat?: RegExp
  /** Loses a frame. The market stands still from `stillAt` on (seconds), or from the loss. */
  readonly lost: { readonly fault: Draft; readonly stillAt: number | null } | null
  /** Sends a numbered frame twice. */
  readonly twice: Draft | null
  /** Lets a numbered frame be overtaken. */
  readonly overtaken: Draft | null
  /** Makes a book wrong that the venue proves; a name: right after a proof. */
  readonly wrong: Draft | string | null
  /** Crosses a book; a name: right after a checksum, so that the next one does not come first. */
  readonly crossed: Draft | string | null
  readonly contradicted: Draft | null
  /** Grants a stream that brings nothing. */
  readonly mute: Draft | null
  /** Whether a stream that stays mute costs the socket; else it is said once. */
  readonly muteIsFatal: boolean
  /** Stops the venue's heartbeat and nothing else. */
  readonly heartless: Draft | null
  /** Stops one channel and nothing else. */
  readonly stalled: { readonly faults: readonly Draft[]; readonly freeze: boolean } | null
}

/** A feed is in full swing then. Milliseconds. */
export const AT = 20_000

const dropped = (match: string): Draft => ({ fault: 'drop', atMs: AT, match })
const own = (name: string): Draft => ({ fault: 'venue', name, atMs: AT })

/** Remembered for the next subscribe, and for each one after it. */
const MUTE: Draft = { fault: 'venue', name: 'ack-then-silence', everyMs: 5_000 }

/** Nothing of all that. */
const inert = {
  asks: /./,
  lost: null,
  twice: null,
  overtaken: null,
  wrong: null,
  crossed: null,
  contradicted: null,
  mute: null,
  muteIsFatal: true,
  heartless: null,
  stalled: null,
}

export const patients: readonly Patient[] = [
  {
    name: 'Bitfinex',
    venue: bitfinexVenue,
    symbol: 'ETH/USD',
    other: 'BTC/USD',
    channel: 'book',
    asks: /"event":"subscribe".*tETHUSD/,
    lost: { fault: dropped('"hb"'), stillAt: 1 },
    twice: { fault: 'duplicate', atMs: AT },
    overtaken: { fault: 'reorder', atMs: AT },
    wrong: 'update-lost',
    crossed: 'book-crossed',
    contradicted: own('level-unknown'),
    mute: MUTE,
    muteIsFatal: true,
    heartless: null,
    stalled: { faults: [own('heartbeat-missing')], freeze: true },
  },
  {
    name: 'BitMEX',
    venue: bitmexVenue,
    symbol: 'XBTUSD',
    other: 'ETHUSD',
    channel: 'book',
    asks: /"op":"subscribe".*orderBookL2:XBTUSD/,
    lost: null,
    twice: null,
    overtaken: null,
    wrong: null,
    crossed: own('book-crossed'),
    contradicted: own('update-unknown'),
    mute: MUTE,
    muteIsFatal: true,
    heartless: null,
    stalled: null,
  },
  {
    name: 'Huobi',
    venue: huobiVenue,
    symbol: 'ETH/USDT',
    other: 'BTC/USDT',
    channel: 'book',
    asks: /"sub":"market.ethusdt.mbp/,
    // What is asked for is a moment old: only what came in between shows in it.
    lost: {
      fault: { fault: 'venue', name: 'sequence-skipped', fromMs: AT, untilMs: AT + 2_000, everyMs: 20 },
      stillAt: (AT + 2_000) / 1000,
    },
    twice: null,
    overtaken: own('sequence-backwards'),
    wrong: null,
    crossed: own('book-crossed'),
    contradicted: null,
    mute: { fault: 'venue', name: 'snapshot-never', fromMs: AT, everyMs: 20 },
    muteIsFatal: false,
    heartless: null,
    stalled: {
      faults: [{ fault: 'venue', name: 'sequence-skipped', fromMs: AT, untilMs: 60_000, everyMs: 20 }],
      freeze: false,
    },
  },
  {
    name: 'CEX.IO',
    venue: cexVenue,
    symbol: 'BTC/USD',
    other: 'ETH/USD',
    channel: 'book',
    asks: /"e":"order_book_subscribe".*BTC-USD/,
    lost: { fault: { fault: 'drop', atMs: 61_000, match: 'order_book_increment' }, stillAt: null },
    twice: null,
    overtaken: { fault: 'reorder', atMs: AT, match: 'order_book_increment' },
    wrong: {
      fault: 'edit',
      atMs: 60_500,
      match: 'order_book_increment',
      find: '"bids":\\[\\["([\\d.]+)","[\\d.]+"',
      replace: '"bids":[["$1","7.77"',
    },
    crossed: {
      fault: 'edit',
      atMs: AT,
      // Where a bid leaves the window of twenty, the first that is named enters it: here above every ask.
      match: '"bids":\\[.*,"0[.0]*"\\]\\],"asks"',
      find: '"bids":\\[\\["[\\d.]+',
      replace: '"bids":[["999999',
    },
    contradicted: own('level-unknown'),
    // The snapshot is the answer.
    mute: null,
    muteIsFatal: true,
    heartless: null,
    stalled: {
      faults: [{ fault: 'drop', fromMs: 60_500, match: 'order_book_increment' }],
      freeze: false,
    },
  },
  {
    name: 'Bittrex',
    venue: bittrexVenue,
    symbol: 'BTC/USD',
    other: 'BTC/USDT',
    channel: 'book',
    asks: /"M":"Subscribe".*orderbook_BTC-USD_/,
    beat: /"M":"heartbeat"/,
    lost: { fault: dropped('"orderBook"'), stillAt: null },
    twice: null,
    overtaken: { fault: 'reorder', atMs: AT, match: '"orderBook"' },
    wrong: null,
    crossed: own('book-crossed'),
    contradicted: own('level-unknown'),
    mute: { fault: 'http-stall', path: 'orderbook', fromMs: AT },
    muteIsFatal: true,
    heartless: own('heartbeat-missing'),
    stalled: {
      faults: [{ fault: 'drop', fromMs: AT, untilMs: 100_000, match: '"orderBook"' }],
      freeze: false,
    },
  },
  {
    name: 'Blockchain.com',
    venue: blockchainVenue,
    symbol: 'BTC/USD',
    other: 'ETH/USD',
    channel: 'book',
    asks: /"subscribe","channel":"l2","symbol":"BTC-USD"/,
    beat: /"channel":"heartbeat"/,
    lost: { fault: dropped('"heartbeat"'), stillAt: 1 },
    twice: { fault: 'duplicate', atMs: AT },
    overtaken: { fault: 'reorder', atMs: AT },
    wrong: null,
    crossed: {
      fault: 'edit',
      atMs: AT,
      match: '"updated","channel":"l2".*"bids":\\[\\]',
      find: '"bids":\\[\\]',
      replace: '"bids":[{"num":1,"px":9999999.0,"qty":1.0}]',
    },
    contradicted: {
      fault: 'edit',
      atMs: AT,
      match: '"updated","channel":"l2".*"bids":\\[\\]',
      find: '"bids":\\[\\]',
      replace: '"bids":[{"num":0,"px":1.01,"qty":0.0}]',
    },
    mute: MUTE,
    muteIsFatal: true,
    heartless: {
      fault: 'edit',
      fromMs: AT,
      match: '"channel":"heartbeat"',
      find: '"heartbeat"',
      replace: '"none"',
    },
    stalled: null,
  },
  {
    ...inert,
    name: 'bitFlyer',
    venue: bitflyerVenue,
    symbol: 'BTC/JPY',
    other: 'XRP/JPY',
    channel: 'book',
    asks: /"subscribe","params":\{"channel":"lightning_board_BTC_JPY"/,
    // Between two images, each of which puts the book right.
    crossed: { fault: 'venue', name: 'book-crossed', atMs: AT + 1_000 },
    mute: MUTE,
  },
  {
    name: 'Bitstamp',
    venue: bitstampVenue,
    symbol: 'BTC/USD',
    other: 'ETH/USD',
    channel: 'book',
    asks: /"bts:subscribe".*diff_order_book_btcusd"/,
    lost: { fault: dropped('diff_order_book'), stillAt: null },
    twice: null,
    overtaken: { fault: 'reorder', atMs: AT, match: 'diff_order_book' },
    wrong: null,
    crossed: own('book-crossed'),
    contradicted: own('level-unknown'),
    mute: { fault: 'http-stall', path: 'order_book', fromMs: AT },
    muteIsFatal: false,
    heartless: null,
    stalled: {
      faults: [{ fault: 'drop', fromMs: AT, untilMs: 100_000, match: 'diff_order_book' }],
      freeze: false,
    },
  },
]

/** Sockets of the same venues that speak another protocol: what is said of them is how they are kept alive. */
export const others: readonly Patient[] = [
  {
    ...inert,
    name: 'CEX.IO, classic API',
    venue: cexVenue,
    symbol: 'BTC/USD',
    other: 'ETH/USD',
    channel: 'trade',
    connector: { api: 'classic' },
  },
  {
    ...inert,
    name: 'Blockchain.com, chain',
    venue: blockchainVenue,
    symbol: 'BTC',
    other: 'BTC',
    channel: 'block',
  },
]

import { Decimal } from 'decimal.js'
import pc from 'picocolors'
import stringWidth from 'string-width'
import type { Level, TradeEvent } from '../schemas/events.js'
import { shown } from '../src/shown.js'
import { fitNumber, fitText, sameScale } from './fit.js'

/** One market, as `watch` shows it. */
export interface MarketView {
  readonly title: string
  /** How its streams stand: `live`, `syncing`, `refused`. */
  readonly state: string
  /** Best first; null where no book was asked for. */
  readonly book: { readonly bids: readonly Level[]; readonly asks: readonly Level[] } | null
  /** Latest first; null where no trades were asked for. */
  readonly trades: readonly TradeEvent[] | null
}

export interface PanelSize {
  readonly width: number
  readonly height: number
  /** Levels a side, at most. */
  readonly depth: number
  /** Trades, at most. */
  readonly trades: number
}

/** Narrower than this, trades stand beneath the book. */
const SIDE_BY_SIDE = 64
/** A book in a wide panel takes no more than this. */
const WIDEST_BOOK = 36
const HEAD_ROWS = 2
/** `ask ` and `bid `, so that a book can be read without colours. */
const SIDE_WIDTH = 4

type Style = (text: string) => string

/** Exactly `height` lines of exactly `width` columns. */
export function panel(view: MarketView, size: PanelSize): string[] {
  const { width, height } = size
  const body = Math.max(0, height - HEAD_ROWS)
  const lines = [titleLine(view, width), summaryLine(view, width), ...bodyLines(view, size, body)]
  const blank = ' '.repeat(width)
  return Array.from({ length: height }, (_, row) => lines[row] ?? blank)
}

/** A line for each market under a head, where there is no room for more: best bid, best ask, spread. */
export function compactLines(views: readonly MarketView[], width: number): string[] {
  const rows = [COMPACT_HEAD, ...views.map(compactCells)]
  const widths = COMPACT_HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const room = Math.max(0, width - widths.reduce((sum, columns) => sum + 2 + columns, 0))
  const names = compactNames(views, room)
  const nameWidth = Math.min(room, Math.max(...names.map((name) => stringWidth(name))))
  return rows.map((cells, row) => {
    const state = views[row - 1]?.state
    const numbers = cells.map((cell, column) => `  ${cell.padStart(widths[column] ?? 0)}`).join('')
    // A book that is not live has no price to trust.
    const rest = state === undefined || state === 'live' ? numbers : `  ${shown(state)}`
    return fitText(fitText(names[row] ?? '', nameWidth) + rest, width)
  })
}

/** The head and the titles; without the venue, where all are of one and the titles are too wide with it. */
function compactNames(views: readonly MarketView[], room: number): string[] {
  const titles = views.map(({ title }) => shown(title))
  const venues = new Set(titles.map((title) => title.split(' ', 1)[0]))
  const isTooWide = titles.some((title) => stringWidth(title) > room)
  const names =
    isTooWide && venues.size === 1 ? titles.map((title) => title.slice(title.indexOf(' ') + 1)) : titles
  return ['market', ...names]
}

const COMPACT_HEAD: readonly string[] = ['bid', 'ask', 'spread']

function compactCells({ book, trades }: MarketView): readonly string[] {
  if (book === null) return ['', trades?.[0]?.price ?? '', '']
  const [bid, ask] = [book.bids[0]?.[0], book.asks[0]?.[0]]
  const [low = '', high = ''] = sameScale([bid, ask].filter((price) => price !== undefined))
  if (bid === undefined || ask === undefined) return [bid ?? '', ask ?? '', '']
  return [low, high, new Decimal(ask).minus(bid).toFixed()]
}

function titleLine({ title, state }: MarketView, width: number): string {
  const said = shown(state)
  const right = Math.min(stringWidth(said), Math.floor(width / 2))
  const left = fitText(shown(title), Math.max(0, width - right - 1))
  return `${pc.bold(left)} ${tone(state)(fitText(said, right))}`
}

function tone(state: string): Style {
  if (state === 'live') return pc.green
  return state === 'waiting' || state === 'syncing' ? pc.yellow : pc.red
}

function summaryLine(view: MarketView, width: number): string {
  return pc.dim(fitText(summary(view), width))
}

function summary({ book, trades }: MarketView): string {
  if (book === null) return trades?.[0] === undefined ? 'no trade yet' : `last ${trades[0].price}`
  const [bid, ask] = [book.bids[0], book.asks[0]]
  if (bid === undefined || ask === undefined) return 'no bid and ask yet'
  const mid = new Decimal(bid[0]).plus(ask[0]).div(2)
  const spread = new Decimal(ask[0]).minus(bid[0])
  const share = mid.isZero() ? '' : ` (${spread.div(mid).mul(10_000).toPrecision(2)} bp)`
  return `mid ${mid.toFixed()}  spread ${spread.toFixed()}${share}`
}

function bodyLines(view: MarketView, { width, depth, trades: most }: PanelSize, rows: number): string[] {
  const { book, trades } = view
  if (book === null) return tradeLines(trades ?? [], width, Math.min(most, rows))
  if (trades === null || most === 0) return bookLines(book, width, Math.min(depth, Math.floor(rows / 2)))
  if (width >= SIDE_BY_SIDE) {
    const left = Math.min(WIDEST_BOOK, Math.floor(width / 2))
    const right = width - left - 3
    const levels = bookLines(book, left, Math.min(depth, Math.floor(rows / 2)))
    const latest = tradeLines(trades, right, Math.min(most, rows))
    const height = Math.max(levels.length, latest.length)
    return Array.from(
      { length: height },
      (_, row) => `${levels[row] ?? ' '.repeat(left)}   ${latest[row] ?? ' '.repeat(right)}`,
    )
  }
  const below = rows < 8 ? 0 : Math.min(most, Math.floor(rows / 3))
  const levels = bookLines(book, width, Math.min(depth, Math.floor((rows - below - 1) / 2)))
  if (below === 0) return bookLines(book, width, Math.min(depth, Math.floor(rows / 2)))
  return [
    ...levels,
    ' '.repeat(width),
    ...tradeLines(trades, width, Math.min(most, rows - levels.length - 1)),
  ]
}

/** Asks, worst first, above bids, best first: the spread is in the middle. */
function bookLines({ bids, asks }: NonNullable<MarketView['book']>, width: number, depth: number): string[] {
  const [above, beneath] = [asks.slice(0, depth).reverse(), bids.slice(0, depth)]
  const rows = numberColumns([...above, ...beneath], Math.max(0, width - SIDE_WIDTH))
  return rows.map((text, row) => {
    const isAsk = row < above.length
    return `${pc.dim(isAsk ? 'ask ' : 'bid ')}${(isAsk ? pc.red : pc.green)(text)}`
  })
}

function tradeLines(trades: readonly TradeEvent[], width: number, most: number): string[] {
  const latest = trades.slice(0, most)
  const timeWidth = width >= 40 ? 12 : 8
  const numbers = numberColumns(
    latest.map(({ price, amount }): Level => [price, amount]),
    width - timeWidth - 6,
  )
  return latest.map(({ exchangeTime, receiveTime, side, historical }, row) => {
    const time = new Date((exchangeTime ?? receiveTime ?? 0) / 1000).toISOString().slice(11, 11 + timeWidth)
    const colour = side === 'buy' ? pc.green : side === 'sell' ? pc.red : pc.white
    const line = `${time} ${colour((side ?? '?').padEnd(4))} ${numbers[row] ?? ''}`
    return historical ? pc.dim(line) : line
  })
}

/** Prices and amounts in two columns, both right-aligned at the same scale, in exactly so many columns. */
function numberColumns(levels: readonly Level[], width: number): string[] {
  const prices = sameScale(levels.map(([price]) => price))
  const amounts = sameScale(levels.map(([, amount]) => amount))
  const room = Math.max(0, width - 2)
  const priceWidth = Math.min(Math.max(0, ...prices.map((price) => price.length)), Math.ceil(room * 0.6))
  const amountRoom = Math.max(0, room - priceWidth)
  const amountWidth = Math.min(Math.max(0, ...amounts.map((amount) => amount.length)), amountRoom)
  return prices.map((price, row) => {
    const amount = fitNumber(amounts[row] ?? '', amountWidth)
    return fitText(
      `${fitNumber(price, priceWidth).padStart(priceWidth)}  ${amount.padStart(amountWidth)}`,
      width,
    )
  })
}

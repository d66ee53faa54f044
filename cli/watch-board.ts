import pc from 'picocolors'
import type { ConnectionEvent, GapEvent, TradeEvent } from '../schemas/events.js'
import type { Channel } from '../src/connector.js'
import type { FeedStream } from '../src/feed/asked-streams.js'
import type { Feed } from '../src/feed/feed.js'
import { shown } from '../src/shown.js'
import { fitText } from './fit.js'
import { causeOf, nameOf, Troubles } from './troubles.js'
import { compactLines, type MarketView, panel } from './watch-panel.js'

export interface BoardOptions {
  readonly channels: readonly Channel[]
  readonly depth: number
  readonly trades: number
}

/** Panels narrower than this do not stand beside each other. */
const NARROWEST_PANEL = 38
/** A panel lower than this shows too little: its market gets one line. */
const LOWEST_PANEL = 5
const NOTICES_KEPT = 20

/** What `watch` shows: a book and the latest trades of each market, and what happened to the connections. */
export class Board {
  readonly #feed: Feed
  readonly #options: BoardOptions
  readonly #bookChannel: Channel | null
  readonly #trades = new Map<string, TradeEvent[]>()
  readonly #notices: string[] = []
  /** By venue. */
  readonly #troubles = new Map<string, Troubles>()
  #events = 0

  constructor(feed: Feed, options: BoardOptions) {
    this.#feed = feed
    this.#options = options
    this.#bookChannel = options.channels.find((channel) => /^(book|order)/.test(channel)) ?? null
    feed.on('event', () => {
      this.#events++
    })
    feed.on('trade', (trade) => this.#trade(trade))
    feed.on('gap', (gap) => this.#notice(gapText(gap)))
    feed.on('connection', (event) => this.#connection(event))
    feed.on('malformed', ({ venue, reason, path }) =>
      this.#notice(`${venue}: malformed frame, ${reason} ${path}`),
    )
  }

  /** Exactly so many lines, none wider than so many columns. */
  render(columns: number, rows: number): string[] {
    const views = this.#views()
    const notices = this.#notices.slice(-noticeRows(rows)).map((notice) => pc.dim(fitText(notice, columns)))
    const status = fitText(`${this.#events.toLocaleString('en')} events   ctrl-c ends`, columns)
    const body = Math.max(0, rows - notices.length - 1)
    const lines = this.#body(views, columns, body)
    const blank = Array.from({ length: Math.max(0, body - lines.length) }, () => '')
    return [...lines, ...blank, ...notices, pc.dim(status)].slice(-rows)
  }

  #body(views: readonly MarketView[], columns: number, rows: number): string[] {
    const { depth, trades } = this.#options
    const grid = gridOf(views.length, columns, rows)
    if (grid === null) return compact(views, columns, rows)
    const lines: string[] = []
    for (let first = 0; first < views.length; first += grid.across) {
      const beside = views
        .slice(first, first + grid.across)
        .map((view) => panel(view, { width: grid.width, height: grid.height, depth, trades }))
      for (let row = 0; row < grid.height; row++) {
        lines.push(beside.map((panelLines) => panelLines[row] ?? '').join(pc.dim(' │ ')))
      }
    }
    return lines
  }

  #views(): MarketView[] {
    const markets = new Map<string, FeedStream[]>()
    for (const stream of this.#feed.streams()) {
      if (stream.state === 'ended') continue
      const title = `${stream.venue} ${stream.symbol}`
      markets.set(title, [...(markets.get(title) ?? []), stream])
    }
    return [...markets].map(([title, streams]) => this.#view(title, streams))
  }

  #view(title: string, streams: readonly FeedStream[]): MarketView {
    const [{ venue, symbol } = { venue: '', symbol: '' }] = streams
    const channel = this.#bookChannel
    const book = channel === null ? null : this.#feed.book(venue, symbol, channel)
    const stream = streams.find((candidate) => candidate.channel === channel) ?? streams[0]
    const state = stream?.state ?? 'waiting'
    return {
      title,
      state: state === 'live' && book !== null ? book.state : (stream?.reason ?? state),
      book: channel === null ? null : (book?.top(this.#options.depth) ?? { bids: [], asks: [] }),
      trades: this.#options.channels.includes('trade') ? (this.#trades.get(title) ?? []) : null,
    }
  }

  #trade(trade: TradeEvent): void {
    const title = `${trade.venue} ${trade.symbol}`
    const trades = this.#trades.get(title) ?? []
    trades.unshift(trade)
    trades.length = Math.min(trades.length, this.#options.trades)
    this.#trades.set(title, trades)
  }

  /** A cause is shown once, whichever connections of a venue have it. */
  #connection(event: ConnectionEvent): void {
    const { venue, connection, state, reason } = event
    const troubles = this.#troubles.get(venue) ?? new Troubles()
    this.#troubles.set(venue, troubles)
    const before = troubles.values()
    const trouble = troubles.take(event)
    if (trouble === null && isTrouble(event)) return
    const cause = trouble === null ? null : causeOf(trouble.reason)
    if (cause !== null && before.some((known) => causeOf(known.reason) === cause)) return
    const why = cause ?? reason
    this.#notice(`${venue} ${nameOf(connection)}: ${state}${why === null ? '' : `, ${why}`}`)
  }

  #notice(text: string): void {
    this.#notices.push(shown(text))
    if (this.#notices.length > NOTICES_KEPT) this.#notices.shift()
  }
}

function noticeRows(rows: number): number {
  return rows < 10 ? 1 : rows < 20 ? 2 : 4
}

/** How many panels stand beside each other and how large each is; null where panels would be too small. */
function gridOf(count: number, columns: number, rows: number) {
  if (count === 0) return null
  const most = Math.max(1, Math.min(count, Math.floor((columns + 3) / (NARROWEST_PANEL + 3))))
  const down = Math.ceil(count / most)
  const across = Math.ceil(count / down)
  const height = Math.floor(rows / down)
  if (height < LOWEST_PANEL) return null
  return { across, width: Math.floor((columns - 3 * (across - 1)) / across), height }
}

function compact(views: readonly MarketView[], columns: number, rows: number): string[] {
  const lines = compactLines(views, columns)
  if (lines.length <= rows) return lines
  const shownLines = Math.max(0, rows - 1)
  const hidden = lines.length - shownLines
  return [
    ...lines.slice(0, shownLines),
    fitText(`${hidden} more ${hidden === 1 ? 'market' : 'markets'}: enlarge the terminal`, columns),
  ].slice(0, rows)
}

function gapText({ venue, symbol, channel, reason, state, healed, detail }: GapEvent): string {
  const what = state === 'open' ? `gap (${reason})` : healed ? 'gap healed' : 'gap ended, not healed'
  return `${venue} ${symbol} ${channel}: ${what}${detail === null ? '' : `, ${detail}`}`
}

function isTrouble({ state }: ConnectionEvent): boolean {
  return state === 'refused' || state === 'reconnecting' || state === 'maintenance'
}

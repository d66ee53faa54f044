import { Command } from 'commander'
import { createLogUpdate } from 'log-update'
import pc from 'picocolors'
import type { ConnectionEvent, GapEvent, Level, TradeEvent } from '../schemas/events.js'
import type { Channel } from '../src/connector.js'
import { type Feed, openFeed } from '../src/feed/feed.js'
import { systemClock } from '../src/socket/clock.js'
import { interruption } from './exit.js'
import { channelsFlag, flag, urlFlag, wholeNumber } from './flag.js'
import { connectorsFor } from './targets.js'
import { every } from './timers.js'

interface Options {
  readonly channels: Channel[]
  readonly url?: string[]
  readonly depth: number
  readonly trades: number
}

const FRAMES_A_SECOND = 8

export function watchCommand(): Command {
  return new Command('watch')
    .description('the book and the trades, live in the terminal')
    .argument('<venue:symbol...>', 'markets, such as bitfinex:BTC/USD')
    .addOption(channelsFlag())
    .addOption(urlFlag())
    .addOption(flag('--depth <n>', 'levels a side', wholeNumber(1, 1000), { value: 10, shown: '10' }))
    .addOption(flag('--trades <n>', 'trades to show', wholeNumber(0, 1000), { value: 12, shown: '12' }))
    .action(async (targets: string[], options: Options) => {
      const connectors = await connectorsFor(targets, options)
      const { signal, interrupted, dispose } = interruption()
      const feed = openFeed(connectors, { signal })
      const screen = new Screen(feed, options)
      const draw = createLogUpdate(process.stdout)
      const timer = every(systemClock(), 1000 / FRAMES_A_SECOND, () => draw(screen.render()))
      try {
        await feed.done
      } finally {
        timer.cancel()
        draw.done()
        dispose()
      }
      process.exitCode = interrupted() ?? process.exitCode
    })
}

interface Market {
  readonly venue: string
  readonly symbol: string
  readonly trades: TradeEvent[]
}

/** What the terminal shows: a book and the latest trades of each market, and what happened to the connections. */
class Screen {
  readonly #feed: Feed
  readonly #depth: number
  readonly #tradesShown: number
  readonly #bookChannel: Channel
  readonly #markets = new Map<string, Market>()
  readonly #notices: string[] = []
  #events = 0

  constructor(feed: Feed, options: Options) {
    this.#feed = feed
    this.#depth = options.depth
    this.#tradesShown = options.trades
    this.#bookChannel = options.channels.find((channel) => /^(book|order)/.test(channel)) ?? 'book'
    feed.on('event', (event) => {
      this.#events++
      if ('channel' in event) this.#market(event.venue, event.symbol)
    })
    feed.on('trade', (trade) => {
      const { trades } = this.#market(trade.venue, trade.symbol)
      trades.unshift(trade)
      trades.length = Math.min(trades.length, this.#tradesShown)
    })
    feed.on('gap', (gap) => this.#notice(gapText(gap)))
    feed.on('connection', (event) => this.#notice(connectionText(event)))
    feed.on('malformed', ({ venue, reason, path }) =>
      this.#notice(pc.yellow(`${venue}: malformed frame, ${reason} ${path}`)),
    )
  }

  render(): string {
    const blocks = [...this.#markets.values()].map((market) => this.#block(market))
    const notices = this.#notices.slice(-4).map((notice) => pc.dim(notice))
    return [...blocks, ...notices, pc.dim(`${this.#events} events; ctrl-c ends`)].join('\n')
  }

  #market(venue: string, symbol: string): Market {
    const key = `${venue} ${symbol}`
    const market = this.#markets.get(key) ?? { venue, symbol, trades: [] }
    this.#markets.set(key, market)
    return market
  }

  #notice(text: string): void {
    this.#notices.push(text)
    if (this.#notices.length > 20) this.#notices.shift()
  }

  #block({ venue, symbol, trades }: Market): string {
    const book = this.#feed.book(venue, symbol, this.#bookChannel)
    const { bids, asks } = book?.top(this.#depth) ?? { bids: [], asks: [] }
    const state =
      book === null || book.state === 'syncing'
        ? pc.yellow('syncing')
        : book.state === 'live'
          ? pc.green('live')
          : pc.red('suspect')
    const left = [...asks]
      .reverse()
      .map(levelText(pc.red))
      .concat(bids.map(levelText(pc.green)))
    const right = trades.map(tradeText)
    const rows = Math.max(left.length, right.length)
    const lines = Array.from(
      { length: rows },
      (_, row) => `${left[row] ?? ' '.repeat(LEVEL_WIDTH)}   ${right[row] ?? ''}`,
    )
    return [`${pc.bold(`${venue} ${symbol}`)}  ${state}`, ...lines, ''].join('\n')
  }
}

const LEVEL_WIDTH = 37

function levelText(colour: (text: string) => string): (level: Level) => string {
  return ([price, amount]) => `${colour(price.padStart(16))} ${amount.padStart(20)}`
}

function tradeText({ exchangeTime, receiveTime, side, price, amount, historical }: TradeEvent): string {
  const time = new Date((exchangeTime ?? receiveTime ?? 0) / 1000).toISOString().slice(11, 23)
  const colour = side === 'buy' ? pc.green : side === 'sell' ? pc.red : pc.white
  const line = `${time} ${colour((side ?? '?').padEnd(4))} ${price} × ${amount}`
  return historical ? pc.dim(line) : line
}

function gapText({ venue, symbol, channel, reason, state, healed, detail }: GapEvent): string {
  const what = state === 'open' ? `gap (${reason})` : healed ? 'gap healed' : 'gap ended, not healed'
  return `${venue} ${symbol} ${channel}: ${what}${detail === null ? '' : `, ${detail}`}`
}

function connectionText({ venue, connection, state, reason }: ConnectionEvent): string {
  return `${venue} ${connection}: ${state}${reason === null ? '' : `, ${reason}`}`
}

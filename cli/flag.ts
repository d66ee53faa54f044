import { Option } from 'commander'
import { marketEvent } from '../schemas/event-schemas.js'
import type { MarketEventType } from '../schemas/events.js'
import type { Channel, ChannelKind } from '../src/connector.js'
import { TapewireError, UsageError } from '../src/errors.js'
import { didYouMean } from '../src/nearest.js'

/** What an option is when it is not given: its value, and how the help shows it. */
export interface Fallback<T> {
  readonly value: T
  readonly shown: string
}

/** An option with a checked value. The sentence that refuses a value begins with the option's name. */
export function flag<T>(
  flags: string,
  description: string,
  read: (text: string, former: T | undefined) => T,
  fallback?: Fallback<T>,
): Option {
  const option = new Option(flags, description)
  option.argParser<T>((text, former) => {
    try {
      return read(text, former)
    } catch (error) {
      if (!(error instanceof TapewireError)) throw error
      throw new UsageError(error.code, `${option.long} ${error.message}`, {
        cause: error,
        context: { ...error.context, field: option.long ?? flags },
      })
    }
  })
  return fallback === undefined ? option : option.default(fallback.value, fallback.shown)
}

/** For an option that may be given several times. */
export function collect(text: string, former: readonly string[] | undefined): string[] {
  return [...(former ?? []), text]
}

/**
 * Reads a whole number in a range.
 * @throws {UsageError} `bad_number`.
 */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^\d{1,16}$/.test(text) && number >= least && number <= most) return number
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} up` : `from ${least} to ${most}`
    throw new UsageError('bad_number', `${quoted(text)} is no whole number ${range}`)
  }
}

/** The parts of a comma list. @throws {UsageError} `bad_list` where there is none. */
export function list(text: string, example: string): string[] {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  if (parts.length > 0) return parts
  throw new UsageError('bad_list', `${quoted(text)} names nothing: write a list such as ${example}`)
}

const eventTypes: readonly MarketEventType[] = marketEvent.options.map(({ shape }) => shape.type.value)

/** `trade,gap` as types of events. @throws {UsageError} `unknown_type`, with the nearest. */
export function typeList(text: string): MarketEventType[] {
  return list(text, 'trade,gap').map((name) => {
    const type = eventTypes.find((known) => known === name)
    if (type !== undefined) return type
    throw new UsageError(
      'unknown_type',
      `${quoted(name)} is no type of event${didYouMean(name, eventTypes) || ';'} there are ${eventTypes.join(', ')}`,
    )
  })
}

const CHANNEL_KINDS: Readonly<Record<ChannelKind, true>> = {
  trade: true,
  book: true,
  order: true,
  quote: true,
  ticker: true,
  candle: true,
  derivative: true,
  liquidation: true,
  instrument: true,
  transaction: true,
  block: true,
}

/** `trade,book:P1` as channels; which variants there are is the venue's affair. @throws {UsageError} `unknown_channel`. */
export function channelList(text: string): Channel[] {
  return list(text, 'trade,book').map((name) => {
    const [kind = ''] = name.split(':', 1)
    if (Object.hasOwn(CHANNEL_KINDS, kind)) return name as Channel
    const kinds = Object.keys(CHANNEL_KINDS)
    throw new UsageError(
      'unknown_channel',
      `${quoted(name)}: no venue has such a channel${didYouMean(kind, kinds) || ';'} there are ${kinds.join(', ')}`,
    )
  })
}

/** Text of the command line as a sentence shows it: an empty one, or one with spaces, in quotes. */
export function quoted(text: string): string {
  return /^[^\s'"]+$/.test(text) ? text : JSON.stringify(text)
}

/** The option that names the channels of live markets. */
export function channelsFlag(): Option {
  return flag('--channel, --channels <list>', 'such as trade,book,candle:1m', channelList, {
    value: ['trade', 'book'],
    shown: 'trade,book',
  })
}

/** The option that sends the command to a gateway or simulator. */
export function urlFlag(): Option {
  return flag('--url <url>', 'URL of a gateway or simulator; with several venues VENUE=URL', collect)
}

/** The option that lets a command give a venue up that cannot be reached. */
export function maxAttemptsFlag(): Option {
  return flag(
    '--max-attempts <n>',
    'connects in a row that may fail before a venue is given up (without it: any number)',
    wholeNumber(1),
  )
}

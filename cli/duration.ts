import { isoMicros } from '../src/decode/time.js'
import { UsageError } from '../src/errors.js'
import { quoted } from './flag.js'

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Milliseconds of `90s`, `1h30m`, `2d`. @throws {UsageError} `bad_duration`. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
  const total = parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * UNITS[unit as keyof typeof UNITS],
    0,
  )
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text || total <= 0) {
    throw new UsageError('bad_duration', `${quoted(text)} is no duration: write 10s, 5m, 1h30m or 30d`)
  }
  return total
}

/**
 * Microseconds since the epoch of an ISO time, a date, or a number of microseconds. A number of another magnitude is refused
 * and not guessed at: it may be seconds, milliseconds or nanoseconds.
 *
 * @throws {UsageError} `bad_time`.
 */
export function parseTime(text: string): number {
  if (/^\d+$/.test(text)) return microseconds(text)
  try {
    return isoMicros(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text)
  } catch (cause) {
    throw new UsageError(
      'bad_time',
      `${quoted(text)} is no time: write 2024-05-01T12:00:00Z, 2024-05-01, or microseconds since the epoch`,
      { cause },
    )
  }
}

/** What a number of so many digits is since 1973 and until 2286, if it is a time. */
const UNIT_OF_DIGITS: Readonly<Record<number, readonly [unit: string, perSecond: number]>> = {
  9: ['seconds', 1],
  10: ['seconds', 1],
  12: ['milliseconds', 1e3],
  13: ['milliseconds', 1e3],
  18: ['nanoseconds', 1e9],
  19: ['nanoseconds', 1e9],
}

function microseconds(text: string): number {
  if (/^[1-9]\d{14,15}$/.test(text)) return Number(text)
  const meant = UNIT_OF_DIGITS[text.length]
  const hint =
    meant === undefined
      ? 'write 2024-05-01T12:00:00Z, or microseconds such as 1714564800000000'
      : `it looks like ${meant[0]}: write ${Math.floor((Number(text) / meant[1]) * 1e6)}, or an ISO time`
  throw new UsageError('bad_time', `${text} is no number of microseconds since the epoch; ${hint}`)
}

/** `3.2 s`, `2 min 10 s`, `1 h 05 min`, `30 d 2 h`: as long as a person wants to read. */
export function showDuration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** The factor of `1x`, `10x`, `0.5x`; Infinity for `max`. @throws {UsageError} `bad_speed`. */
export function parseSpeed(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY
  const speed = Number(/^(\d+(?:\.\d+)?)x?$/.exec(text)?.[1])
  if (speed > 0) return speed
  throw new UsageError('bad_speed', `${quoted(text)} is no speed: write 1x, 10x, 0.5x or max`)
}

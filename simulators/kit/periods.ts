import type { Micros } from '../../schemas/events.js'

const MINUTE = 60_000
const DAY = 1_440 * MINUTE
/** The epoch was a Thursday; weeks begin on Monday. */
const MONDAY = 4 * DAY

/** When the period that holds a moment began. */
export type PeriodStart = (at: Micros) => Micros

/**
 * The periods of a length as the field writes it: `1m`, `4h`, `1d`, `1w`, `1M` (a month), `1y`.
 *
 * @param zoneMs how far ahead of UTC the days begin. @default 0
 */
export function periods(length: string, zoneMs = 0): PeriodStart {
  const count = Number.parseInt(length, 10)
  const unit = length.slice(String(count).length)
  return (at) => {
    const local = at / 1000 + zoneMs
    return (startOf(local, count, unit) - zoneMs) * 1000
  }
}

function startOf(ms: number, count: number, unit: string): number {
  switch (unit) {
    case 'm':
      return floor(ms, count * MINUTE)
    case 'h':
      return floor(ms, count * 60 * MINUTE)
    case 'd':
      return floor(ms, count * DAY)
    case 'w':
      return floor(ms - MONDAY, count * 7 * DAY) + MONDAY
    default: {
      const date = new Date(ms)
      return Date.UTC(date.getUTCFullYear(), unit === 'M' ? date.getUTCMonth() : 0)
    }
  }
}

function floor(ms: number, length: number): number {
  return Math.floor(ms / length) * length
}

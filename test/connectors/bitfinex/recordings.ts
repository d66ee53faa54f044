import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

/** A record of a frame log, as far as these tests need it. */
export interface LoggedRecord {
  readonly t: number | null
  readonly dir: 'open' | 'in' | 'out' | 'rest' | 'close'
  readonly url?: string
  readonly data?: string
  readonly body?: string
}

/** A single message of another project's tests. */
export interface LoggedMessage {
  readonly kind: string
  readonly data: string
  readonly expect?: {
    readonly trades?: readonly {
      readonly id: string
      readonly side: string
      readonly price: string
      readonly amount: string
      readonly ts_ms?: number
      readonly time?: string
    }[]
    readonly upstream_ignores?: boolean
  }
}

const folder = fileURLToPath(new URL('../../../../shared/captures/', import.meta.url))

/** Whether the recorded traffic is at hand; says so where it is not. */
export const recordingsAtHand = existsSync(folder)
if (!recordingsAtHand) console.warn(`SKIPPED: no recorded traffic at ${folder}`)

export function readLog(name: string): LoggedRecord[] {
  return lines(`${folder}bitfinex/${name}.jsonl.gz`).map((line) => JSON.parse(line) as LoggedRecord)
}

export function readMessages(name: string): LoggedMessage[] {
  return lines(`${folder}bitfinex/${name}.jsonl.gz`).map((line) => JSON.parse(line) as LoggedMessage)
}

export function readTruth<T>(name: string): T {
  return JSON.parse(readFileSync(`${folder}truth/${name}.json`, 'utf8')) as T
}

function lines(path: string): string[] {
  return gunzipSync(readFileSync(path)).toString('utf8').trim().split('\n')
}

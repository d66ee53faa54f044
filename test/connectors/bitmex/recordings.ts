import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import * as z from 'zod'

const captures = new URL('../../../../shared/captures/', import.meta.url)

/** Whether the recorded traffic is there; says so loudly where it is not. */
export function capturesPresent(): boolean {
  const present = existsSync(captures)
  if (!present)
    console.warn(`SKIPPED: no recordings at ${captures.pathname}; BitMEX is not proved against them`)
  return present
}

const record = z.object({
  t: z.int().nullable(),
  dir: z.enum(['open', 'in', 'out', 'rest', 'close']),
  url: z.string().optional(),
  data: z.string().optional(),
  body: z.string().optional(),
})

function lines(name: string): string[] {
  const text = gunzipSync(readFileSync(new URL(`bitmex/${name}.jsonl.gz`, captures))).toString('utf8')
  return text.split('\n').filter((line) => line !== '')
}

/** The records of one frame log. */
export function recording(name: string): z.output<typeof record>[] {
  return lines(name).map((line) => record.parse(JSON.parse(line)))
}

const message = z.object({
  kind: z.string(),
  data: z.string(),
  expect: z.object({ upstream: z.record(z.string(), z.string()) }).optional(),
})

export function singleMessages(): z.output<typeof message>[] {
  return lines('messages-crypto-msg-parser').map((line) => message.parse(JSON.parse(line)))
}

const trade = z.object({
  id: z.string(),
  price: z.string(),
  amount: z.string(),
  side: z.string(),
  ts_us: z.int(),
})

const trades = z.object({
  count: z.int(),
  amount_sum: z.string(),
  buys: z.int(),
  sells: z.int(),
  first: trade,
  last: trade,
})

const truth = z.object({
  frames_in: z.int(),
  symbols: z.record(
    z.string(),
    z.object({
      trades: trades.optional(),
      trades_snapshot: trades.optional(),
      book: z.object({
        snapshots: z.int(),
        updates: z.int(),
        update_rows: z.int(),
        bid_levels: z.int(),
        ask_levels: z.int(),
        bids: z.array(z.tuple([z.string(), z.string()])),
        asks: z.array(z.tuple([z.string(), z.string()])),
      }),
      tickers: z.int(),
    }),
  ),
})

export type TrueTrades = z.output<typeof trades>

export function truthOf(name: string): z.output<typeof truth> {
  return truth.parse(JSON.parse(readFileSync(new URL(`truth/${name}.json`, captures), 'utf8')))
}

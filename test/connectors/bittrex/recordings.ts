import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import * as z from 'zod'

const captures = new URL('../../../../shared/captures/', import.meta.url)

/** Whether the recorded traffic is there; says so loudly where it is not. */
export function capturesPresent(): boolean {
  const present = existsSync(captures)
  if (!present)
    console.warn(`SKIPPED: no recordings at ${captures.pathname}; Bittrex is not proved against them`)
  return present
}

const record = z.object({
  t: z.int().nullable(),
  dir: z.enum(['open', 'in', 'out', 'rest', 'close']),
  url: z.string().default(''),
  data: z.string().default(''),
  body: z.string().default(''),
  headers: z.string().default('{}'),
})

export function pathOf(name: string): string {
  return fileURLToPath(new URL(`bittrex/${name}.jsonl.gz`, captures))
}

function lines(name: string): string[] {
  const text = gunzipSync(readFileSync(pathOf(name))).toString('utf8')
  return text.split('\n').filter((line) => line !== '')
}

/** The records of one frame log. Headers, where they were recorded, with names in lower case. */
export function recording(name: string) {
  return lines(name).map((line) => {
    const { headers, ...rest } = record.parse(JSON.parse(line))
    const named = z.record(z.string(), z.string()).parse(JSON.parse(headers))
    const lower = Object.entries(named).map(([key, value]) => [key.toLowerCase(), value] as const)
    return { ...rest, headers: Object.fromEntries(lower) }
  })
}

const message = z.object({ kind: z.string(), fidelity: z.string(), data: z.string() })

export function singleMessages(): z.output<typeof message>[] {
  return lines('messages-jkorf').map((line) => message.parse(JSON.parse(line)))
}

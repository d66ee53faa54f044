import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll } from 'vitest'
import { type FrameRecord, type LogWarning, readFrameLog, writeRecord } from '../../../src/framelog/index.js'

const folder = mkdtempSync(join(tmpdir(), 'tapewire-framelog-'))
let files = 0

/** Call once in a test file that uses {@link tempLog}. */
export function cleanUp(): void {
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
}

/** A path in a folder of its own for each call; all are removed after the tests. */
export function tempPath(name = 'log.jsonl.gz'): string {
  const own = join(folder, `${++files}`)
  mkdirSync(own)
  return join(own, name)
}

/** Writes a log of these records, or of this text, and gives its path. */
export function tempLog(content: readonly FrameRecord[] | string | Buffer, name = 'log.jsonl'): string {
  const path = tempPath(name)
  const bytes =
    typeof content === 'string' || Buffer.isBuffer(content) ? content : content.map(writeRecord).join('')
  writeFileSync(path, name.endsWith('.gz') && typeof bytes === 'string' ? gzipSync(bytes) : bytes)
  return path
}

/** Everything in a file, and what the reader had to say of it. */
export async function readAll(
  path: string,
  maxLineLength?: number,
): Promise<{ readonly records: FrameRecord[]; readonly warnings: LogWarning[] }> {
  const warnings: LogWarning[] = []
  const records: FrameRecord[] = []
  const options = maxLineLength === undefined ? {} : { maxLineLength }
  for await (const batch of readFrameLog(path, {
    onWarning: (warning) => void warnings.push(warning),
    ...options,
  })) {
    records.push(...batch)
  }
  return { records, warnings }
}

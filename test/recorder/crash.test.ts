import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'
import { openTape, verifyFile, verifyTape } from '../../recorder/index.js'
import { compiledRecorder } from './compiled.js'
import { START, trade } from './sample-events.js'

const ROWS_A_FRAME = 7

/** Records frames of seven trades each until it is killed, and says what it believes to be on the tape. */
const script = `
import { writeSync } from 'node:fs'
import { openTape } from './dist/recorder/index.js'
const recorder = openTape('tape.db', { mode: 'write', batchEvents: 50, batchMs: 1 })
const event = JSON.parse(process.argv[2])
let frame = 0
function more() {
  for (let n = 0; n < 20; n++) {
    frame++
    for (let row = 0; row < ${ROWS_A_FRAME}; row++) {
      recorder.record({ ...event, id: frame + '.' + row, receiveTime: event.receiveTime + frame })
    }
  }
  writeSync(1, recorder.written + '\\n')
  setImmediate(more)
}
more()
`

it('a recorder that is killed loses its last batch at most, never half a frame, and leaves no lock', async () => {
  const { directory } = compiledRecorder(['zod', 'decimal.js', 'fastest-levenshtein', 'better-sqlite3'])
  const file = join(directory, 'tape.db')
  writeFileSync(join(directory, 'record.mjs'), script)
  const child = spawn(process.execPath, ['record.mjs', JSON.stringify(trade())], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let promised = 0
  for await (const line of createInterface({ input: child.stdout })) {
    promised = Number(line)
    if (child.killed) continue
    if (promised > 5_000) {
      expect(() => openTape(file, { mode: 'write' })).toThrow(/being recorded to by another recorder/)
      child.kill('SIGKILL')
    }
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  expect(child.signalCode).toBe('SIGKILL')

  const crashed = verifyFile(file)
  expect([crashed.verdict, crashed.findings.map(({ severity, code }) => [severity, code])]).toEqual([
    'not whole',
    [['error', 'run_not_closed']],
  ])

  // The lock of the file itself is as dead as that of its name.
  const moved = join(directory, 'moved.db')
  renameSync(file, moved)
  await using recorder = openTape(moved, { mode: 'write' })
  expect(recorder.written).toBeGreaterThanOrEqual(promised)
  expect(recorder.written % ROWS_A_FRAME).toBe(0)
  using tape = openTape(moved)
  let at = 0
  for (const event of tape.replay()) {
    const id = `${Math.floor(at / ROWS_A_FRAME) + 1}.${at % ROWS_A_FRAME}`
    if (event.type !== 'trade' || event.id !== id) throw new Error(`event ${at + 1} is not trade ${id}`)
    at++
  }
  expect(at).toBe(recorder.written)
  recorder.record(trade({ id: 'afterwards', receiveTime: START + 10 ** 9 }))
  await recorder.close()
  const { verdict, findings } = verifyTape(tape)
  expect(verdict).toBe('not whole')
  expect(findings.filter(({ code }) => code === 'run_not_closed')).toMatchObject([
    { severity: 'error', event: 1, what: expect.stringMatching(/did not end this run/) },
  ])
  expect([...tape.replay({ fromEvent: at + 1 })].map(({ type }) => type)).toEqual(['gap', 'gap', 'trade'])
})

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import stringWidth from 'string-width'
import { afterAll, describe, expect, test } from 'vitest'
import { venues } from '../../connectors/index.js'
import { Desk } from './command.js'

const desk = new Desk()
const folder = mkdtempSync(join(tmpdir(), 'tapewire-widths-'))
afterAll(async () => {
  await desk.clear()
  rmSync(folder, { recursive: true, force: true })
})

const WIDTHS = [60, 80, 120]

/** What a program of the build prints where the terminal is so wide. */
async function printed(width: number, program: string, ...args: string[]): Promise<string> {
  const path = fileURLToPath(new URL(`../../dist/cli/${program}.js`, import.meta.url))
  const env = { ...process.env, COLUMNS: String(width), NO_COLOR: '1' }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [path, ...args], {
    cwd: folder,
    env,
  })
  return stdout + stderr
}

const tooWide = (text: string, width: number) => text.split('\n').filter((line) => stringWidth(line) > width)

describe.each(WIDTHS)('in a terminal of %i columns no line is wider', (width) => {
  test('of venues', async () => {
    const text = await printed(width, 'main', 'venues')
    expect(tooWide(text, width)).toEqual([])
    for (const { id } of venues) expect(text).toContain(id)
  })

  test('of one venue', async () => {
    const text = await printed(width, 'main', 'venues', 'huobi')
    expect(tooWide(text, width)).toEqual([])
    expect(text).toContain('book:step19')
    expect(text).toContain('50 streams a connection')
  })

  test('of instruments', async () => {
    for (const venue of ['huobi', 'bitmex']) {
      const text = await printed(width, 'main', 'instruments', venue, '--url', await desk.simulate(venue))
      expect(tooWide(text, width)).toEqual([])
      expect(text).toMatch(/BTC\/USD:BTC +\S+ .*0\.\d+/)
    }
  })

  test('of npm start', async () => {
    const text = await printed(width, 'demo', '3s')
    expect(tooWide(text, width)).toEqual([])
    // What each brings in that time depends on the machine: the table of it, or the list of what has not come, names all.
    for (const { id } of venues) expect(text).toMatch(new RegExp(`\\n *${id} +\\S+`))
    expect(text).toContain('npx tapewire verify tape.db')
  })
})

test('a column that does not fit is named beneath the table', async () => {
  const url = await desk.simulate('huobi')
  expect(await printed(60, 'main', 'instruments', 'huobi', '--url', url)).toMatch(/not shown: .*contract/)
  expect(await printed(120, 'main', 'instruments', 'huobi', '--url', url)).not.toContain('not shown')
})

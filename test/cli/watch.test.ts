import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { Desk, main } from './command.js'
import { hasTmux, Terminal } from './terminal.js'

if (!hasTmux) console.warn('there is no tmux: what watch draws is not tested')

const desk = new Desk()
afterAll(() => desk.clear())

const terminals: Terminal[] = []
afterEach(() => {
  for (const terminal of terminals.splice(0)) terminal.close()
})

function terminal(columns: number, rows: number): Terminal {
  const opened = new Terminal(columns, rows)
  terminals.push(opened)
  return opened
}

const watch = (...args: string[]) => `node ${main} watch ${args.join(' ')}; echo "exit code $?"`

const level = /^(?:ask|bid) +\d+(?:\.\d+)? +\d+\.\d+ *$/
const trade = /^\d\d:\d\d:\d\d(?:\.\d{3})? (?:buy |sell) +\d/
const notice = /^\w+ \S+: (?:connecting|open|ready)/

/** The lines between the two of the head and the foot. */
function besidesFrame(lines: readonly string[]): string[] {
  return lines.slice(2, -1).filter((line) => line !== '')
}

describe.skipIf(!hasTmux)('watch in a terminal', () => {
  test('at 40 columns shows the book above the trades, each line one thing', async () => {
    const url = await desk.simulate('bitfinex')
    const shell = terminal(40, 20)
    shell.type(watch('bitfinex:BTC/USD', '--url', url))
    const lines = await shell.shows(
      (all) =>
        all[0]?.endsWith(' live') === true &&
        all.filter((line) => trade.test(line)).length > 3 &&
        besidesFrame(all).filter((line) => level.test(line)).length >= 6 &&
        besidesFrame(all).every((line) => level.test(line) || trade.test(line) || notice.test(line)),
    )
    expect(lines[0]).toMatch(/^bitfinex BTC\/USD +live$/)
    expect(lines[1]).toMatch(/^mid [\d.]+ {2}spread [\d.]+ \([\d.]+ bp\)$/)
    expect(lines.at(-1)).toMatch(/^[\d,]+ events {3}ctrl-c ends$/)
  })

  test('at 80 columns shows book and trades beside each other, the best prices in the middle', async () => {
    const url = await desk.simulate('bitfinex')
    const shell = terminal(80, 24)
    shell.type(watch('bitfinex:BTC/USD', '--url', url, '--depth', '4'))
    const beside = /^(?:ask|bid) +(\d+) +[\d.]+ {3,}\d\d:\d\d:\d\d\.\d{3} (?:buy |sell) \d+ +[\d.]+$/
    await shell.shows((all) => {
      const prices = all.flatMap((line) => beside.exec(line)?.[1] ?? []).map(Number)
      const mid = Number(/^mid ([\d.]+)/.exec(all[1] ?? '')?.[1])
      return (
        prices.length >= 8 &&
        prices.every((price, at) => at === 0 || price <= (prices[at - 1] ?? 0)) &&
        prices.slice(0, 4).every((price) => price > mid) &&
        prices.slice(4, 8).every((price) => price < mid)
      )
    })
  })

  test('lays several markets out beside each other and cuts long titles', async () => {
    const url = await desk.simulate('bitmex')
    const shell = terminal(120, 40)
    shell.type(watch('bitmex:XBTUSD,ETHUSD,XBTH27', '--url', url))
    const lines = await shell.shows((all) => (all[0]?.match(/live/g) ?? []).length === 3)
    expect(lines[0]).toMatch(
      /^bitmex BTC\/USD:BTC +live │ bitmex ETH\/USD:BTC +live │ bitmex BTC\/USD:BTC-\d+ +live$/,
    )
    expect(lines.filter((line) => line.includes('ctrl-c ends'))).toHaveLength(1)
  })

  test('gives each market one line where the terminal is too low', async () => {
    const url = await desk.simulate('bitmex')
    const shell = terminal(40, 8)
    shell.type(watch('bitmex:XBTUSD,ETHUSD,XBTH27', '--url', url))
    const lines = await shell.shows(
      (all) => all.filter((line) => /[\d.]+ +[\d.]+ +[\d.]+ *$/.test(line)).length === 3,
    )
    expect(lines[0]).toMatch(/^market +bid +ask +spread$/)
    expect(lines[3]).toMatch(/^BTC\/USD:BTC-\d*…? +\d+\.\d+ +\d+\.\d+ +[\d.]+$/)
    expect(lines.filter((line) => line.length > 40)).toEqual([])
  })

  test('leaves no ghosts when the terminal changes its size', async () => {
    const url = await desk.simulate('bitfinex')
    const shell = terminal(120, 40)
    shell.type(watch('bitfinex:BTC/USD', '--url', url))
    await shell.shows((all) => all[0]?.endsWith('live') === true)
    for (const [columns, rows] of [
      [50, 14],
      [100, 30],
      [41, 11],
      [140, 45],
    ] as const) {
      shell.resize(columns, rows)
      await shell.shows(
        (all) =>
          all.length === rows &&
          all[0]?.length === columns &&
          all.at(-1)?.endsWith('ctrl-c ends') === true &&
          ['bitfinex BTC/USD', 'mid ', 'ctrl-c ends'].every(
            (once) => all.filter((line) => line.includes(once)).length === 1,
          ),
      )
    }
  })

  test('gives the terminal back as it was after ctrl-c', async () => {
    const url = await desk.simulate('bitfinex')
    const shell = terminal(80, 24)
    shell.type('echo before')
    shell.type(watch('bitfinex:BTC/USD', '--url', url))
    await shell.shows((all) => all[0]?.endsWith('live') === true)
    expect(shell.state).toEqual({ alternate: true, cursor: false, wraps: false })
    shell.interrupt()
    const lines = await shell.shows((all) => all.includes('exit code 130'))
    expect(lines).toContain('before')
    expect(lines.join('\n')).not.toContain('ctrl-c ends')
    expect(shell.state).toEqual({ alternate: false, cursor: true, wraps: true })
  })

  test('gives it back after SIGTERM', async () => {
    const url = await desk.simulate('bitfinex')
    const shell = terminal(80, 24)
    const pidFile = join(desk.folder, 'watch.pid')
    shell.type(
      `sh -c 'echo $$ > ${pidFile}; exec node ${main} watch bitfinex:BTC/USD --url ${url}'; echo "exit code $?"`,
    )
    await shell.shows((all) => all[0]?.endsWith('live') === true)
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGTERM')
    await shell.shows((all) => all.includes('exit code 143'))
    expect(shell.state).toEqual({ alternate: false, cursor: true, wraps: true })
  })

  test('gives it back after a failure, which is then said', async () => {
    const url = await desk.simulate('bitfinex')
    const shell = terminal(80, 24)
    shell.type(watch('bitfinex:BTC/USB', '--url', url))
    const lines = await shell.shows((all) => all.includes('exit code 2'))
    expect(lines.join('')).toMatch(/tapewire: .*no symbol BTC\/USB/)
    expect(shell.state).toEqual({ alternate: false, cursor: true, wraps: true })
  })
})

test.each([
  ['--depth', '0'],
  ['--depth', '-3'],
  ['--trades', 'abc'],
  ['--trades', '0'],
])('watch refuses %s %s in one sentence', async (option, value) => {
  const { code, stdout, stderr } = await desk.run('watch', 'bitfinex:BTC/USD', option, value)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(new RegExp(`${option} ${value} is no whole number from 1`))
})

test('watch refuses a pipe and names the command that writes to one', async () => {
  const { code, stdout, stderr } = await desk.run('watch', 'bitfinex:BTC/USD')
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(/tapewire stream/)
})

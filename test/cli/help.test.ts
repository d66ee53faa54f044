import { execFileSync } from 'node:child_process'
import stringWidth from 'string-width'
import { afterAll, describe, expect, test } from 'vitest'
import { Desk } from './command.js'

const desk = new Desk()
afterAll(() => desk.clear())

const COMMANDS = [
  ...['venues', 'instruments', 'watch', 'stream', 'record', 'replay', 'ingest', 'inspect', 'book'],
  ...['candles', 'verify', 'simulate', 'socket'],
]

const texts = new Map<string, Promise<string>>()

/** The help of a command, or of all, at a width: printed once. */
function help(columns: number, ...command: string[]): Promise<string> {
  const key = `${columns} ${command.join(' ')}`
  const text = texts.get(key) ?? printed(columns, command)
  texts.set(key, text)
  return text
}

async function printed(columns: number, command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await desk
    .startWith({ COLUMNS: `${columns}` }, ...command, '--help')
    .outcome()
  expect([code, stderr]).toEqual([0, ''])
  return stdout
}

describe('the help', () => {
  test('is tested of every command there is', async () => {
    const [, listed = ''] = (await help(120)).split('Commands:\n')
    const names = [...listed.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name)
    expect(names).toEqual([...COMMANDS, 'help'])
  })

  test.each([60, 80, 120])('fits a terminal of %i columns', async (columns) => {
    for (const command of [[], ...COMMANDS.map((name) => [name])]) {
      const lines = (await help(columns, ...command)).split('\n')
      expect(lines.filter((line) => stringWidth(line) > columns)).toEqual([])
    }
  })

  test('says of every argument what it is', async () => {
    for (const command of COMMANDS) {
      const text = await help(120, command)
      const [, usage = ''] = /^Usage: (.*)$/m.exec(text) ?? []
      for (const [, name = ''] of usage.matchAll(/[<[]([\w:]+)(?:\.\.\.)?[>\]]/g)) {
        if (name !== 'options') expect(text).toMatch(new RegExp(`^  ${name} {2,}\\S`, 'm'))
      }
    }
  })

  test('has examples that a shell reads the same however they are wrapped', async () => {
    for (const command of COMMANDS) {
      const [narrow, wide] = await Promise.all(
        [60, 120].map(async (columns) => {
          const [, examples = ''] = (await help(columns, command)).split('Examples:\n')
          const script = `tapewire() { printf '<%s>' "$@"; echo; }; jq() { cat; printf '<%s>' "$@"; }; head() { cat; }\n${examples}`
          return execFileSync('bash', ['-c', script], { cwd: desk.folder, encoding: 'utf8' })
        }),
      )
      expect(narrow).toBe(wide)
      expect(narrow).toContain('<')
    }
  })
})

describe('what the parser refuses is one sentence', () => {
  test.each([
    [['verify'], "tapewire: missing required argument 'tape': see tapewire verify --help\n"],
    [['recrod'], "tapewire: unknown command 'recrod'; did you mean record? See tapewire --help\n"],
    [['replay', 'a', 'b'], /^tapewire: too many arguments .*: see tapewire replay --help\n$/],
    [['stream', 'a:b', '--ulr=c'], "tapewire: unknown option '--ulr=c': see tapewire stream --help\n"],
    [
      ['stream', 'a:b', '--typ', 'c'],
      /^tapewire: unknown option '--typ'; did you mean .*\? See tapewire stream --help\n$/,
    ],
    [
      ['record', 'a:b'],
      /^tapewire: required option '--db <file>' not specified: see tapewire record --help\n$/,
    ],
    [['candles', 'a', 'b', '1m', '--csv', '--json'], /^tapewire: option .* cannot be used with option .*\n$/],
  ])('%j', async (args, sentence) => {
    expect(await desk.run(...args)).toEqual({
      code: 2,
      stdout: '',
      stderr: typeof sentence === 'string' ? sentence : expect.stringMatching(sentence),
    })
  })

  test('with control characters escaped and no password', async () => {
    for (const text of ['\u001b[31mred\nmore', 'ws://user:sekret@host:1', '--ulr=ws://user:sekret@host:1']) {
      for (const before of [[], ['stream']]) {
        const { code, stdout, stderr } = await desk.run(...before, text)
        expect([code, stdout]).toEqual([2, ''])
        expect(stderr).toMatch(/^tapewire: [^\n]+\n$/)
        expect(stderr).not.toContain('sekret')
        expect(stderr).not.toContain('\u001b')
      }
    }
  })
})

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { posix } from 'node:path'

/**
 * One line of a source file, counted from 1.
 * @typedef {{ readonly file: string, readonly line: number }} Line
 */

const NO_CODE = /^\s*(\/\/.*|\/?\*.*|import\b.*|export \*.*|[\])};,]*)$/

/**
 * The lines of code that `src/socket`, `src/socket/backoff.ts` or `src/socket/backoff.ts:10-40` stands for.
 * @type {(target: string) => Line[]}
 */
export function places(target) {
  const [, given = '', first, last] = /^(.*?)(?::(\d+)(?:-(\d+))?)?$/.exec(target) ?? []
  const path = posix.normalize(given).replace(/\/$/, '')
  if (!existsSync(path))
    throw new Error(`${path} does not exist; name files and folders from the root of the checkout`)
  if (statSync(path).isDirectory()) {
    const names = readdirSync(path, { recursive: true, encoding: 'utf8' })
    return names
      .filter((name) => name.endsWith('.ts'))
      .sort()
      .flatMap((name) => places(`${path}/${name}`))
  }
  const text = readFileSync(path, 'utf8').split('\n')
  const from = Number(first ?? 1)
  const to = Number(last ?? first ?? text.length)
  const lines = Array.from(
    { length: Math.max(0, Math.min(to, text.length) - from + 1) },
    (_, at) => from + at,
  )
  return lines.filter((line) => !NO_CODE.test(text[line - 1] ?? '')).map((line) => ({ file: path, line }))
}

/**
 * `count` of the lines, the same for the same seed.
 * @type {(lines: readonly Line[], count: number, seed: number) => Line[]}
 */
export function sampled(lines, count, seed) {
  const left = [...lines]
  const draw = random(seed)
  const chosen = []
  while (chosen.length < count && left.length > 0) {
    chosen.push(...left.splice(Math.floor(draw() * left.length), 1))
  }
  return chosen
}

/** @type {(seed: number) => () => number} Mulberry32. */
function random(seed) {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { BOOK_STEPS } from '../../src/book/book-steps.js'
import { STREAM_STEPS } from '../../src/session/stream-steps.js'
import { TOPIC_STEPS } from '../../src/venue/topic-steps.js'

type Steps = Readonly<Record<string, Readonly<Partial<Record<string, string>>>>>

/** A table of the states and what each step makes of them, as Markdown. */
function tableOf(steps: Steps): string {
  const columns = [...new Set(Object.values(steps).flatMap((row) => Object.keys(row)))]
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const code = (word: string | undefined) => (word === undefined ? '' : `\`${word}\``)
  return [
    row(['', ...columns]),
    row(['---', ...columns.map(() => '---')]),
    ...Object.entries(steps).map(([state, next]) =>
      row([code(state), ...columns.map((step) => code(next[step]))]),
    ),
  ].join('\n')
}

const page = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8')

test.each([
  ['a stream of one connection', STREAM_STEPS],
  ['a book', BOOK_STEPS],
  ['a topic of one connection', TOPIC_STEPS],
] as const)('docs/architecture.md has the table of states of %s as the code has it', (_what, steps) => {
  expect(page).toContain(`\n\n${tableOf(steps)}\n\n`)
})

import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { type Column, table } from '../../cli/table.js'

interface Row {
  readonly name: string
  readonly count: string
  readonly prose: string
}

const rows: readonly Row[] = [
  { name: 'tBTCUSD', count: '1', prose: 'sequence per connection and a checksum of the best levels' },
  {
    name: '日本語市場',
    count: '12,345',
    prose: '\u001b[32mgreen all the way through to the very last word\u001b[39m',
  },
  { name: '👩‍👩‍👧 family', count: '7', prose: 'first\nsecond' },
]

const columns: readonly Column<Row>[] = [
  { head: 'name', cell: ({ name }) => name },
  { head: 'count', cell: ({ count }) => count, align: 'right' },
  { head: 'what it says', cell: ({ prose }) => prose, wrap: 20 },
]

const lines = (text: string) => text.split('\n')
const widest = (text: string) => Math.max(...lines(text).map((line) => stringWidth(line)))

describe('a table', () => {
  test.each([30, 40, 60, 80, 120, 175])('has no line wider than %i columns', (width) => {
    expect(
      widest(table(columns, rows, { width, legend: ['a legend that is a sentence '.repeat(9)] })),
    ).toBeLessThanOrEqual(width)
  })

  test('aligns numbers right, however wide the characters beside them are', () => {
    const ends = lines(table(columns, rows, { width: 120 }))
      .filter((line) => /12,345|\s[17]\s/.test(line))
      .map((line) => stringWidth(/^.*?\s(?:12,345|[17])(?=\s)/u.exec(line)?.[0] ?? ''))
    expect(ends).toHaveLength(3)
    expect(new Set(ends).size).toBe(1)
  })

  test('breaks prose at spaces and leaves other cells whole', () => {
    const text = table(columns, rows, { width: 60 })
    for (const whole of ['tBTCUSD', '12,345', 'checksum', 'connection']) expect(text).toContain(whole)
  })

  test('leaves out the least important columns first and says which', () => {
    const many: readonly Column<Row>[] = [
      ...columns,
      { head: 'dear', cell: () => 'x'.repeat(20), drop: 1 },
      { head: 'cheap', cell: () => 'y'.repeat(20), drop: 2 },
    ]
    expect(table(many, rows, { width: 200 })).not.toContain('not shown')
    expect(table(many, rows, { width: 80, elsewhere: 'use --json' })).toContain(
      'not shown: cheap (use --json)',
    )
    expect(table(many, rows, { width: 60 })).toContain('not shown: dear, cheap')
  })

  test('explains the columns that are shown, and only those', () => {
    const explained: readonly Column<Row>[] = [
      { head: 'name', cell: ({ name }) => name, legend: 'as the venue writes it' },
      { head: 'wide', cell: () => 'z'.repeat(50), drop: 1, legend: 'gone at once' },
    ]
    const text = table(explained, rows, { width: 50 })
    expect(text).toContain('name: as the venue writes it')
    expect(text).not.toContain('gone at once')
  })

  test('has no trailing spaces, and no escapes of its own into a pipe', () => {
    const plain = table(columns, rows.slice(0, 1), { width: 60 })
    for (const line of lines(plain)) expect(line).toBe(line.trimEnd())
    expect(plain).not.toContain('\u001b')
  })

  test('without rows is its head', () => {
    expect(lines(table(columns, [], { width: 60 }))[0]).toBe('name  count  what it says')
  })
})

import { spawn } from 'node:child_process'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/**
 * `npm run sim:mutations -- [--seeds 24] [--seed 500] [--workers 2] [--only 3,7]`
 *
 * Breaks the engine on purpose, one way at a time, and runs the simulation until a seed notices: a simulation that
 * notices nothing proves nothing. Prints the rows of the table in docs/reliability.md; exit 1 where one went unnoticed.
 */
interface Mutation {
  readonly name: string
  /** A compiled file, from the root. */
  readonly file: string
  readonly find: string
  readonly replace: string
  /** The one venue that it concerns. */
  readonly venue?: string
  /** Connections that carry each stream. @default 1 */
  readonly lines?: 1 | 2
}

const mutations: readonly Mutation[] = [
  {
    name: 'a gap is not said when the connection ends',
    file: 'src/session/streams.js',
    find: 'gapAll(reason, detail, at) {',
    replace: 'gapAll(reason, detail, at) { return;',
  },
  {
    name: 'a gap begins when it is noticed',
    file: 'src/session/stream-gaps.js',
    find: 'open(stream, reason, detail, at, from = stream.record.lastData) {',
    replace: 'open(stream, reason, detail, at, _from) { const from = at;',
  },
  {
    name: 'every gap says that it was healed',
    file: 'src/session/stream-gaps.js',
    find: 'close(stream, healed, at, next = null) {',
    replace: 'close(stream, healed, at, next = null) { healed = true;',
  },
  {
    name: 'a gap is never closed',
    file: 'src/session/stream-gaps.js',
    find: 'close(stream, healed, at, next = null) {',
    replace: 'close(stream, healed, at, next = null) { return;',
  },
  {
    name: 'what has a gap is not asked for again',
    file: 'src/session/stream-gaps.js',
    find: 'resubscribe(stream) {',
    replace: 'resubscribe(stream) { return;',
  },
  {
    name: 'changes are applied to a suspect book',
    file: 'src/session/book-streams.js',
    find: "if (stream.record.book.state === 'live')",
    replace: "if (stream.record.book.state !== 'syncing')",
  },
  {
    name: 'a checksum is not compared',
    file: 'src/session/book-streams.js',
    find: 'const ok = fields.expected === fields.actual;',
    replace: 'fields = { ...fields, actual: fields.expected }; const ok = true;',
    venue: 'bitfinex',
  },
  {
    name: 'a crossed book is borne',
    file: 'src/session/crossed-watch.js',
    find: 'if (!book.crossed) {',
    replace: 'if (true) {',
  },
  {
    name: 'trade ids are not remembered',
    file: 'src/session/memory.js',
    find: 'add(id) {',
    replace: 'add(id) { return true;',
  },
  {
    name: 'the sequence of Bitfinex is not checked',
    file: 'src/venue/connection-counter.js',
    find: 'if (number === expected)',
    replace: 'if (true)',
    venue: 'bitfinex',
  },
  {
    name: 'the sequence of Blockchain.com is not checked',
    file: 'src/venue/connection-counter.js',
    find: 'if (number === expected)',
    replace: 'if (true)',
    venue: 'blockchain',
  },
  {
    name: 'the sequence of Huobi is not checked',
    file: 'src/venue/snapshot-join.js',
    find: '#follows(position, message) {',
    replace: '#follows(position, message) { return true;',
    venue: 'huobi',
  },
  {
    name: 'the sequence of CEX.IO is not checked',
    file: 'src/venue/snapshot-join.js',
    find: '#follows(position, message) {',
    replace: '#follows(position, message) { return message.sequence > position;',
    venue: 'cex',
  },
  {
    name: 'the numbers of Bittrex are not checked',
    file: 'src/venue/snapshot-join.js',
    find: '#follows(position, message) {',
    replace: '#follows(position, message) { return true;',
    venue: 'bittrex',
  },
  {
    name: 'an audit of CEX.IO always fits',
    file: 'connectors/cex/spot-books.js',
    find: 'const ok = text === JSON.stringify(actual);',
    replace: 'const ok = true;',
    venue: 'cex',
  },
  {
    name: 'history that is fetched is held to be whole wherever it begins',
    file: 'src/session/backfill.js',
    find: 'gap.lost = true;',
    replace: ';',
    venue: 'bitmex',
  },
  {
    name: 'history that comes on subscribing is held to be whole wherever it begins',
    file: 'src/session/backfill.js',
    find: 'if (ordered.some(({ id }) => tradeIds.has(id))) {',
    replace: 'if (true) {',
    venue: 'bitfinex',
  },
  {
    name: 'history of a venue that is asked for none is held to be whole wherever it begins',
    file: 'src/session/streams.js',
    find: 'const overlaps = rows.some((row) => tradeIds.has(row.id));',
    replace: 'const overlaps = true;',
  },
  {
    name: 'trades that are fetched are emitted again',
    file: 'src/session/streams.js',
    find: 'if (!stream.record.tradeIds.add(row.id))',
    replace: 'if (false)',
  },
  {
    name: 'a contradiction in a table of BitMEX is passed over',
    file: 'connectors/bitmex/level-table.js',
    find: 'return contradiction(`update of',
    replace: 'return { bids, asks, contradiction: null } ?? contradiction(`update of',
    venue: 'bitmex',
  },
  {
    name: 'amounts of Blockchain.com pass through a float',
    file: 'connectors/blockchain/exchange-books.js',
    find: 'return [canonicalDecimal(px), canonicalDecimal(qty)];',
    replace: 'return [canonicalDecimal(px), canonicalDecimal(String(Number(qty)))];',
    venue: 'blockchain',
  },
  {
    name: 'prices of Blockchain.com pass through a float',
    file: 'connectors/blockchain/exchange-books.js',
    find: 'return [canonicalDecimal(px), canonicalDecimal(qty)];',
    replace: 'return [canonicalDecimal(String(Number(px))), canonicalDecimal(qty)];',
    venue: 'blockchain',
  },
  {
    name: 'no dial budget',
    file: 'src/socket/dial-budget.js',
    find: 'return new Promise((resolve, reject) => {',
    replace: 'return new Promise((resolve, reject) => { return resolve();',
  },
  {
    name: 'Retry-After is not heeded',
    file: 'src/socket/retry-after.js',
    find: "const value = headers['retry-after']?.trim() ?? '';",
    replace: "const value = '';",
  },
  {
    name: 'an alarm that was cleared goes off',
    file: 'src/session/alarms.js',
    find: 'if (this.#due.delete(name))',
    replace: 'if (false)',
  },
  {
    name: 'a socket that is heard is given up all the same',
    file: 'src/socket/silence.js',
    find: 'this.#heard = true;',
    replace: '',
  },
  {
    name: 'a silent socket is never given up',
    file: 'src/socket/silence.js',
    find: 'this.#silent();',
    replace: ';',
  },
  {
    name: 'timers are not cancelled at the end of a connection',
    file: 'src/feed/feed-connection.js',
    find: 'this.#timer.set(null);\n        this.#pacer.clear();',
    replace: '',
  },
  {
    name: 'what a slow reader missed is not said',
    file: 'src/outlet/reader.js',
    find: 'if (gap !== null)\n                gaps.push(gap);',
    replace: '',
  },
  {
    name: 'what a slow reader missed in an open gap is not said',
    file: 'src/outlet/reader-stream.js',
    find: 'miss(event) {',
    replace: 'miss(event) { if (this.#gap !== null && this.#gap.n !== null) return null;',
  },
  {
    name: "a slow reader's gap ends with the next trade, whatever came later and was missed",
    file: 'src/outlet/reader-stream.js',
    find: 'later(later(gap.receiveTime, this.#missedUntil), receiveTime)',
    replace: 'later(gap.receiveTime, receiveTime)',
  },
  {
    name: 'a book is joined to a snapshot from before what it showed',
    file: 'src/venue/snapshot-join.js',
    find: 'end < this.#reached',
    replace: 'false',
  },
  {
    name: 'of two connections one that is behind takes over at once',
    file: 'src/stream/merged-book.js',
    find: '#lags({ last }) {',
    replace: '#lags({ last }) { return false;',
    lines: 2,
  },
  {
    name: 'a slow reader goes on with a book without its image',
    file: 'src/outlet/reader-stream.js',
    find: 'if (this.#isBook)\n            this.#needsBook = true;',
    replace: '',
  },
  {
    name: 'the recorder loses one event in a thousand',
    file: 'recorder/event-intake.js',
    find: 'if (keep)\n',
    replace: 'if (keep && (globalThis.nth = (globalThis.nth ?? 0) + 1) % 1000 !== 0)\n',
  },
]

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '24' },
    seed: { type: 'string', default: '500' },
    workers: { type: 'string', default: '2' },
    only: { type: 'string' },
  },
})

/** A run in which nothing settles any more takes as long as it may. */
const LONGEST_MS = 300_000

const root = fileURLToPath(new URL('../../', import.meta.url))
const chosen = values.only?.split(',').map(Number) ?? [...mutations.keys()]
const waiting = [...chosen]
let unnoticed = 0
await Promise.all(Array.from({ length: Number(values.workers) }, work))
console.log(`${chosen.length} mutations, ${unnoticed} unnoticed`)
if (unnoticed > 0) process.exitCode = 1

async function work(): Promise<void> {
  for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
    const mutation = mutations[at]
    if (mutation === undefined) throw new Error(`there is no mutation ${at}: they count from 0`)
    const seen = await noticed(at, mutation)
    if (seen === null) unnoticed++
    console.log(`| ${mutation.name} | ${seen ?? `**not noticed** in ${values.seeds} seeds`} |`)
  }
}

/** Which seed noticed, and as what; null where none did. */
async function noticed(at: number, mutation: Mutation): Promise<string | null> {
  // Beside the original, so that packages are found.
  const broken = `${root.replace(/\/$/, '')}-mutant-${at}`
  cpSync(root, broken, { recursive: true })
  try {
    const file = `${broken}/${mutation.file}`
    const source = readFileSync(file, 'utf8')
    if (!source.includes(mutation.find)) throw new Error(`${mutation.file} has no ${mutation.find}`)
    writeFileSync(file, source.replace(mutation.find, mutation.replace))
    const said = await run(broken, mutation, values.seed, values.seeds)
    const [, seed, what] = /seed (\d+) fails:\n {2}(.*)/.exec(said) ?? []
    if (seed === undefined) return said.includes(' 0 failed') ? null : `seed ${values.seed} | it does not end`
    const whole = await run(root, mutation, seed, '1')
    if (!whole.includes(' 0 failed'))
      throw new Error(`seed ${seed} fails before anything was broken:\n${whole}`)
    const of = mutation.venue === undefined ? '' : ` of ${mutation.venue}`
    return `seed ${seed}${of}${mutation.lines === 2 ? ' with two connections' : ''} | ${what}`
  } finally {
    rmSync(broken, { recursive: true })
  }
}

/** The simulation's output, up to its first failure. */
function run(broken: string, { venue, lines = 1 }: Mutation, seed: string, count: string): Promise<string> {
  const only = ['--lines', String(lines), ...(venue === undefined ? [] : ['--venue', venue])]
  const seeds = ['--seeds', count, '--seed', seed, '--workers', '1', '--first']
  const child = spawn(process.execPath, [`${broken.replace(/\/$/, '')}/test/sim/run.js`, ...seeds, ...only], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: LONGEST_MS,
  })
  let said = ''
  child.stdout.on('data', (part) => {
    said += part
  })
  return new Promise((resolve) => child.on('exit', () => resolve(said)))
}

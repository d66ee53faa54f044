const sessionTests = 'test/connectors/*/{books,session,streams,classic,spot,exchange,chain}.test.ts'

/**
 * Which tests are asked about which folder; the first row that fits counts. Every test that reaches the code would be too many:
 * a change is judged by the tests that are about its folder, and by those of the layer above that were written for its faults.
 * @type {readonly (readonly [folder: string, tests: readonly string[]])[]}
 */
const table = [
  [
    'src/socket',
    ['test/src/socket/*.test.ts', 'test/src/feed/{liveness,etiquette,lines,door,gave-up}.test.ts'],
  ],
  ['src/session', ['test/src/session/*.test.ts', sessionTests]],
  ['src/feed', ['test/src/feed/*.test.ts']],
  ['src/book', ['test/src/book/*.test.ts', 'test/src/books.test.ts', 'test/connectors/*/books.test.ts']],
  ['src/decode', ['test/src/decode/*.test.ts']],
  ['src/framelog', ['test/src/framelog/*.test.ts']],
  [
    'src/protocols/classic-signalr',
    ['test/src/protocols/classic-signalr/*.test.ts', 'test/connectors/bittrex/*.test.ts'],
  ],
  ['src/simulator', ['test/src/simulator/*.test.ts']],
  ['src', ['test/src/**/*.test.ts']],
  ['connectors', ['test/connectors/*/*.test.ts', 'test/contract/*.test.ts']],
  ['schemas', ['test/schemas/*.test.ts', 'test/connectors/*/*.test.ts']],
  ['recorder', ['test/recorder/*.test.ts']],
]

/**
 * Never asked: they run the compiled program, other programs or a file system of their own, and Stryker changes the sources
 * of its own process.
 */
export const outside = [
  'test/cli/**',
  'test/package/**',
  'test/recorder/{crash,without-sqlite}.test.ts',
  'test/src/framelog/full-disk.test.ts',
]

/** @type {(files: readonly string[]) => string[]} */
export function testsOf(files) {
  const tests = files.flatMap((file) => {
    const own = /^connectors\/([^/]+)\//.exec(file)
    if (own !== null) return [`test/connectors/${own[1]}/*.test.ts`]
    const row = table.find(([folder]) => file.startsWith(`${folder}/`))
    if (row === undefined)
      throw new Error(`no tests are known for ${file}; name them: --tests 'test/…/*.test.ts'`)
    return row[1]
  })
  return [...new Set(tests)]
}

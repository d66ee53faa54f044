import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { mutateOnly } from './mutators.mjs'
import { places, sampled } from './places.mjs'
import { testsOf } from './tests.mjs'

/**
 * `npm run mutations -- src/socket/backoff.ts:10-40 src/session [--sample 200] [--seed 1] [--tests 'test/src/socket/**'] [--workers 2]`
 *
 * Changes operators, constants and conditions in the lines that are named, one at a time, runs the tests that reach each, and
 * prints the changes that no test noticed. A folder stands for all its files. `--sample` takes that many lines at random, so
 * that the share of a large folder can be measured in minutes. A change under which the tests do not end is noticed.
 * Exit 0 where the question was answered, whatever the answer; 2 where it could not be asked.
 */
async function main() {
  const { targets, sample, seed, workers, ...options } = asked()
  const all = targets.flatMap(places)
  const lines = sample === null ? all : sampled(all, sample, seed)
  const files = [...new Set(lines.map(({ file }) => file))]
  const tests = options.tests ?? testsOf(files)
  const of = sample === null ? '' : ` of ${all.length}, seed ${seed}`
  console.log(`${lines.length} lines${of}, in ${files.length} files; tests: ${tests.join(' ')}`)

  install()
  process.env['MUTATION_TESTS'] = JSON.stringify(tests)
  const unchanged = await mutateOnly(lines)
  const { Stryker } = await import('@stryker-mutator/core')
  const stryker = new Stryker({
    mutate: files,
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'test/mutations/vitest.config.ts' },
    coverageAnalysis: 'perTest',
    reporters: ['progress-append-only', 'clear-text'],
    logLevel: 'error',
    warnings: { slow: false },
    allowConsoleColors: false,
    clearTextReporter: { allowColor: false, logTests: false, reportTests: false, reportScoreTable: false },
    concurrency: workers,
    tempDirName: '.stryker-tmp',
    ignorePatterns: ['.sim*', 'coverage', '*.db'],
    // Stryker would rewrite the project's tsconfig with a compiler interface that TypeScript 7 does not have.
    tsconfigFile: 'none',
    dryRunTimeoutMinutes: 20,
    // Beyond twice what the tests took before: a change is not noticed because the machine was busy for a moment.
    timeoutMS: 20_000,
    timeoutFactor: 2,
  })
  const results = await stryker.runMutationTest()

  /** @type {(...statuses: string[]) => number} */
  const count = (...statuses) => results.filter(({ status }) => statuses.includes(status)).length
  const noticed = count('Killed', 'Timeout')
  const mutants = noticed + count('Survived', 'NoCoverage')
  if (mutants === 0)
    throw new Error('there is nothing to change in these lines; name others, or more of them')
  console.log(
    `${mutants} mutants in ${lines.length - unchanged()} of ${lines.length} lines, ${noticed} noticed (${((100 * noticed) / mutants).toFixed(0)} %): ` +
      `${count('Killed')} by a test that failed, ${count('Timeout')} by tests that did not end; ` +
      `${count('Survived')} not noticed, ${count('NoCoverage')} that no test reaches`,
  )
}

function asked() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      sample: { type: 'string' },
      seed: { type: 'string', default: '1' },
      tests: { type: 'string', multiple: true },
      workers: { type: 'string', default: '2' },
    },
  })
  if (positionals.length === 0) {
    throw new Error('name a file, a file with lines (src/socket/backoff.ts:10-40) or a folder')
  }
  return {
    targets: positionals,
    sample: values.sample === undefined ? null : count('--sample', values.sample),
    seed: count('--seed', values.seed),
    tests: values.tests ?? null,
    workers: count('--workers', values.workers),
  }
}

/** @type {(option: string, text: string) => number} */
function count(option, text) {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${option} takes a whole number from 1 on, not ${text}`)
  return Number(text)
}

/** Stryker is a package of its own here, so that nobody else's `npm ci` has to fetch its 160 packages. */
function install() {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  const { dependencies } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8'))
  const upToDate = Object.entries(dependencies).every(([name, version]) => {
    const installed = `${folder}node_modules/${name}/package.json`
    return existsSync(installed) && JSON.parse(readFileSync(installed, 'utf8')).version === version
  })
  if (upToDate) return
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' })
  if (status !== 0) throw new Error(`npm ci in ${folder} failed; what it printed above says why`)
}

await main().catch((error) => {
  console.error(error.message)
  process.exit(2)
})

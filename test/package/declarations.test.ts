import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { entries, InstalledPackage } from './installed.js'

const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))

/** What a user writes, with every entry imported whole. */
const program = `
import { openFeed, type MarketEvent } from 'tapewire'
import { bitfinex } from 'tapewire/connectors'
import { openTape } from 'tapewire/recorder'
${[...entries.keys()].map((subpath, at) => `import * as entry${at} from 'tapewire${subpath.slice(1)}'\nvoid entry${at}`).join('\n')}

const feed = openFeed([bitfinex({ symbols: ['BTC/USD'] })], { platform: undefined as never })
for await (const event of feed) {
  const any: MarketEvent = event
  if (any.type === 'trade') any.price.padStart(1)
}
feed.on('trade', (trade) => trade.price.padStart(1))

for (const trade of openTape('tape.db').replay({ types: ['trade'] })) trade.price.padStart(1)
for (const event of openTape('tape.db').replay({ types: ['trade', 'gap'] })) {
  if (event.type === 'gap') event.reason satisfies string
}
// @ts-expect-error a gap has no price
for (const gap of openTape('tape.db').replay({ types: ['gap'] })) gap.price
`

let installed: InstalledPackage
beforeAll(() => {
  installed = new InstalledPackage()
  installed.write('main.ts', program)
})
afterAll(() => installed.remove())

describe('the declarations compile in a strict project, without skipLibCheck and without further types', () => {
  test.each([
    ['nodenext', 'nodenext', 'es2022'],
    ['bundler', 'esnext', 'es2022'],
    ['nodenext', 'nodenext', 'esnext'],
  ])('%s resolution, module %s, target %s', async (moduleResolution, module, target) => {
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      types: [],
      noEmit: true,
      module,
      moduleResolution,
      target,
    }
    const config = installed.write(
      `tsconfig.${moduleResolution}.${target}.json`,
      JSON.stringify({ compilerOptions, files: ['main.ts'] }),
    )
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', config]).catch(
      (error: { stdout: string }) => error,
    )
    expect(stdout).toBe('')
  })
})

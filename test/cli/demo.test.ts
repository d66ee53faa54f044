import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { Desk } from './command.js'

const desk = new Desk()
afterAll(() => desk.clear())

test('npm start names every market it set out to record: with what came of it, or among what did not come', async () => {
  const path = fileURLToPath(new URL('../../dist/cli/demo.js', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [path, '1s'], {
    cwd: desk.folder,
    env: { ...process.env, COLUMNS: '100', NO_COLOR: '1' },
  })
  // Bittrex sends no book before its REST snapshot, which is asked for later than this.
  expect(stdout).toMatch(/nothing came in that time of\n/)
  expect(stdout).toMatch(/\n {2}bittrex BTC\/USD: .*book/)
  for (const market of [
    'bitfinex BTC/USD',
    'bitmex ETH/USD:BTC',
    'cex BTC/USD',
    'cex ETH/USD',
    'huobi ETH/USDT',
  ]) {
    const [venue, symbol] = market.split(' ')
    expect(stdout).toMatch(new RegExp(`\\n *${venue} +${symbol}[: ]`))
  }
})

import { openSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { marketEvent } from '../../schemas/event-schemas.js'
import { Desk } from './command.js'

const desk = new Desk()
afterAll(() => desk.clear())

describe('stream', () => {
  test('gives live events as NDJSON at once, of the types asked for, until it is ended', async () => {
    const url = await desk.simulate('bitfinex')
    const streaming = desk.start('stream', 'bitfinex:btc-usd', '--types', 'trade,gap', '--url', url)
    await streaming.prints(/"historical":false.*\n/)
    streaming.signal('SIGTERM')
    const { code, stdout } = await streaming.outcome()
    expect(code).toBe(143)
    const lines = stdout.split('\n').slice(0, -1)
    for (const line of lines) {
      expect(marketEvent.parse(JSON.parse(line))).toMatchObject({ type: 'trade', symbol: 'BTC/USD' })
    }
  })

  test('takes patterns and lists, and says how many markets they are', async () => {
    const url = await desk.simulate('bitfinex')
    const targets = ['bitfinex:*/usd', 'bitfinex:BTC/USDT,eth/usd']
    const streaming = desk.start('stream', ...targets, '--url', url)
    for (const symbol of ['BTC/USD', 'ETH/USD', 'BTC/USDT']) {
      await streaming.prints(new RegExp(`"symbol":"${symbol}"`))
    }
    streaming.signal('SIGTERM')
    const { code, stderr } = await streaming.outcome()
    expect({ code, stderr }).toEqual({
      code: 143,
      stderr: expect.stringMatching(/^bitfinex:\*\/usd is [2-9]\d* markets now; .* later is not added\n$/),
    })
  })

  test('ends as usual when its reader closes the pipe', async () => {
    const url = await desk.simulate('bitfinex')
    const streaming = desk.start('stream', 'bitfinex:BTC/USD', '--url', url)
    await streaming.prints(/"type":"book_snapshot"/)
    streaming.closeStdout()
    expect(await streaming.outcome()).toMatchObject({ code: 0, stderr: '' })
  })

  test('loses nothing to a reader that is slow, and a signal ends it while it waits', async () => {
    const url = await desk.simulate('bitfinex')
    const streaming = desk.start('stream', 'bitfinex:BTC/USD,ETH/USD', '--url', url)
    await streaming.prints(/"type":"book_snapshot"/)
    streaming.stopReading()
    streaming.signal('SIGINT')
    expect(await streaming.outcome()).toMatchObject({ code: 130 })
  })
})

describe('output that cannot be written', () => {
  test.skipIf(process.platform !== 'linux').each([
    ['venues', '--json'],
    ['stream', 'bitfinex:BTC/USD', '--url'],
  ])('is one sentence and exit code 1: %s', async (...args) => {
    if (args.at(-1) === '--url') args.push(await desk.simulate('bitfinex'))
    const { code, stderr } = await desk.startInto(openSync('/dev/full', 'w'), ...args).outcome()
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'tapewire: cannot write to stdout: no space is left on the device (ENOSPC); the output is cut short\n',
    })
  })
})

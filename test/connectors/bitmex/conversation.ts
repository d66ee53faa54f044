import { bitmex } from '../../../connectors/bitmex/index.js'
import type { Channel, Connector, Subscription } from '../../../src/connector.js'
import { type Harness, type HarnessOptions, harness } from '../../support/harness.js'

export const connector: Connector = bitmex({ url: 'ws://127.0.0.1:1/realtime' })

/** 2021-07-22T22:36:07Z in microseconds: when the tests' venue starts to talk. */
export const T = 1_626_993_367_000_000
export const SECOND = 1_000_000

export function subscription(symbol: string, channel: Channel): Subscription {
  const instrument = connector.guess(symbol)
  if (instrument === null) throw new Error(`no rule for ${symbol}`)
  return { instrument, channel }
}

export function ack(topic: string): string {
  return JSON.stringify({ success: true, subscribe: topic, request: { op: 'subscribe', args: [topic] } })
}

/** An open session that has asked for one channel of each symbol and has nothing yet but the acks. */
export function asked(channel: Channel, symbols: readonly string[], options: HarnessOptions = {}): Harness {
  const run = harness(connector, options)
  run.session.opened({ url: 'ws://127.0.0.1:1/realtime', negotiated: null, attempt: 1 }, T)
  run.session.subscribe(
    symbols.map((symbol) => subscription(symbol, channel)),
    T,
  )
  for (const frame of run.sent) for (const topic of JSON.parse(frame).args) run.session.frame(ack(topic), T)
  run.sent.length = 0
  return run
}

/** A session that reads a recording. */
export function reading(): Harness {
  const run = harness(bitmex(), { adopt: true })
  run.session.opened({ url: 'wss://www.bitmex.com/realtime', negotiated: null, attempt: 1 }, T)
  return run
}

/** A frame of a table; the rows are JSON text, so that their digits are exactly what the test says. */
export function table(name: string, action: string, ...rows: string[]): string {
  const symbol = /"symbol":"([^"]+)"/.exec(rows[0] ?? '')?.[1]
  const filter = action === 'partial' && symbol !== undefined ? `"filter":{"symbol":"${symbol}"},` : ''
  return `{"table":"${name}","action":"${action}",${filter}"data":[${rows.join(',')}]}`
}

export function emptyPartial(name: string, symbol: string): string {
  return `{"table":"${name}","action":"partial","keys":[],"filter":{"symbol":"${symbol}"},"data":[]}`
}

/** The frames that the client sent, as objects. */
export function requests(run: Harness): { op: string; args: string[] }[] {
  return run.sent.map((frame) => JSON.parse(frame))
}

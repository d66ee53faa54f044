import { gzipSync } from 'node:zlib'
import { huobi } from '../../../connectors/huobi/connector.js'
import type { Channel, Instrument, Subscription } from '../../../src/connector.js'
import { type Harness, type HarnessOptions, harness } from '../../support/harness.js'

/** The first receive time of every hand-driven test. Microseconds. */
export const T = 1_790_000_000_000_000

/** A frame as the venue sends it: one gzip member. */
export function packed(frame: unknown): Uint8Array {
  return gzipSync(typeof frame === 'string' ? frame : JSON.stringify(frame))
}

export function instrumentOf(symbol: string): Instrument {
  const instrument = huobi().guess(symbol)
  if (instrument === null) throw new Error(`no instrument ${symbol}`)
  return instrument
}

export function streamOf(symbol: string, channel: Channel): Subscription {
  return { instrument: instrumentOf(symbol), channel }
}

/** A session that is open and has asked for these streams; what it sent for them is still in `sent`. */
export function asked(
  subscriptions: readonly (readonly [symbol: string, channel: Channel])[],
  options: HarnessOptions = {},
): Harness {
  const run = harness(huobi(), options)
  run.session.opened({ url: 'wss://api.huobi.pro/ws', negotiated: null, attempt: 1 }, T)
  run.session.subscribe(
    subscriptions.map(([symbol, channel]) => streamOf(symbol, channel)),
    T,
  )
  return run
}

/** As {@link asked}, everything granted. */
export function granted(
  subscriptions: readonly (readonly [symbol: string, channel: Channel])[],
  options: HarnessOptions = {},
): Harness {
  const run = asked(subscriptions, options)
  for (const frame of run.sent.splice(0)) {
    const { sub, id, op, cid, topic } = JSON.parse(frame) as { [key: string]: string }
    if (op === 'sub') run.session.frame(packed({ op: 'sub', cid, topic, ts: 1, 'err-code': 0 }), T)
    if (sub !== undefined) run.session.frame(packed({ id, status: 'ok', subbed: sub, ts: 1 }), T)
  }
  return run
}

/** What the session sent since the last look, read. */
export function sentBy(run: Harness): { [key: string]: unknown }[] {
  return run.sent.splice(0).map((frame) => JSON.parse(frame) as { [key: string]: unknown })
}

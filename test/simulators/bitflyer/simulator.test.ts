import { expect, test } from 'vitest'
import { simulateBitflyer } from '../../../simulators/bitflyer/simulator.js'

const T0 = 1_639_350_329_000_000

test('answers calls with an id alone, takes a batch in order, and spells its numbers as the venue does', () => {
  const frames: string[] = []
  const venue = simulateBitflyer({ seed: 1 })
  const request = { method: 'GET', path: '/json-rpc', headers: {}, body: '' }
  const peer = {
    request,
    send: (data: string | Uint8Array) => void frames.push(String(data)),
    ping() {},
    close() {},
  }
  const client = venue.connect(peer, T0)
  const call = (channel: string) => ({ method: 'subscribe', params: { channel } })
  client.received(JSON.stringify(call('lightning_board_snapshot_FX_BTC_JPY')), T0)
  expect(frames).toEqual([])
  client.received(
    JSON.stringify([
      { ...call('lightning_board_NO_PE'), id: 1 },
      { id: '2', method: 'x' },
    ]),
    T0,
  )
  client.received('{', T0)
  expect(frames.splice(0).map((frame) => JSON.parse(frame))).toMatchObject([
    { id: 1, error: { code: -32602 } },
    { id: '2', error: { code: -32601 } },
    { id: null, error: { code: -32700 } },
  ])
  // The image comes by itself, from the worst bid on, and holds the best 300.
  venue.advance(T0 + 5_000_000)
  const [image = ''] = frames
  const { bids } = JSON.parse(image).params.message
  expect([bids.length, bids[0].price < bids[299].price]).toEqual([300, true])
  expect(image).toMatch(/"price":\d+\.0,"size":\d/)
})

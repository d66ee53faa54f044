import { expect, test } from 'vitest'
import { bittrex } from '../../../connectors/bittrex/index.js'
import { simulate } from '../../../simulators/index.js'
import { openFeed } from '../../../src/feed/feed.js'
import type { FrameTap } from '../../../src/feed/frame-tap.js'
import { virtualPlatform } from '../../../src/simulator/index.js'

test('a recording of raw frames holds no connection token', async () => {
  const platform = virtualPlatform()
  platform.serve(simulate('bittrex', {}), { hosts: ['127.0.0.1:9000'] })
  const written: string[] = []
  const tap: FrameTap = {
    open: (_connection, url) => void written.push(url),
    received: (_connection, data) => void written.push(String(data)),
    sent: (_connection, frame) => void written.push(frame),
    rest: ({ url, body }) => void written.push(url, body),
    closed: () => {},
  }
  const tokens: string[] = []
  const heard = {
    ...platform,
    http: async (...args: Parameters<typeof platform.http>) => {
      const answer = await platform.http(...args)
      const token = /"ConnectionToken":"([^"]+)"/.exec(answer.body)?.[1]
      if (token !== undefined) tokens.push(token)
      return answer
    },
  }
  const feed = openFeed(
    [bittrex({ url: 'ws://127.0.0.1:9000', symbols: ['BTC/USD'], channels: ['trade', 'book'] })],
    { platform: heard, tap },
  )
  await platform.advance(20_000)
  expect(feed.book('bittrex', 'BTC/USD')?.state).toBe('live')
  expect(tokens.length).toBeGreaterThan(0)
  const text = written.join('\n')
  for (const token of tokens) {
    expect(text).not.toContain(token)
    expect(text).not.toContain(encodeURIComponent(token))
  }
  const closing = feed.close()
  await platform.advance(5000)
  await closing
})

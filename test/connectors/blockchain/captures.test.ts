import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { blockchain } from '../../../connectors/blockchain/index.js'
import { isoMicros } from '../../../src/decode/time.js'
import { harness } from '../../support/harness.js'

const folder = fileURLToPath(new URL('../../../../shared/captures/blockchain/', import.meta.url))
const present = existsSync(folder)
if (!present) console.warn('skipped: ../shared/captures is absent, so no recorded message is read')

interface Message {
  readonly kind: string
  readonly data: string
  readonly expect?: { readonly trades?: readonly Record<string, string>[] }
}

describe.skipIf(!present)('recorded single messages', () => {
  const messages = present
    ? gunzipSync(readFileSync(`${folder}messages-docs.jsonl.gz`))
        .toString('utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Message)
    : []

  test.each(messages.map((message, at) => [at, message.kind, message] as const))(
    '%i %s is understood',
    (_at, _kind, message) => {
      const { session, of } = harness(blockchain(), { adopt: true })
      session.opened(
        { url: 'wss://ws.blockchain.info/mercury-gateway/v1/ws', negotiated: null, attempt: 1 },
        1,
      )
      session.frame(message.data, 2)
      expect(of('malformed')).toEqual([])
      for (const [index, expected] of (message.expect?.trades ?? []).entries()) {
        const trade = of('trade')[index]
        expect(trade).toMatchObject({
          id: expected['id'],
          side: expected['side'],
          price: expected['price'],
          amount: expected['amount'],
          exchangeTime: isoMicros(expected['time'] ?? ''),
        })
      }
    },
  )
})

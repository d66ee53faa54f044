import { describe, expect, it } from 'vitest'
import { bitflyer } from '../../../connectors/bitflyer/index.js'
import type { SessionInit, Sink } from '../../../src/connector.js'
import { UsageError } from '../../../src/errors.js'
import { Instruments } from '../../../src/session/index.js'
import { nodeTools } from '../../../src/socket/tools.js'

describe('the contract with a venue', () => {
  it('refuses an init that the feed did not make', () => {
    const connector = bitflyer()
    const [endpoint] = connector.endpoints
    if (endpoint === undefined) throw new Error('bitFlyer has an endpoint')
    const init: SessionInit = {
      endpoint,
      connection: 'public#0',
      adopt: false,
      instruments: new Instruments(),
      memory: { announced: () => false },
      tools: nodeTools(1_000_000),
      random: () => 0.5,
    }
    expect(() => connector.session(init, {} as Sink)).toThrow(UsageError)
    expect(() => connector.session(init, {} as Sink)).toThrow(/init\.memory is not what the feed made/)
  })
})

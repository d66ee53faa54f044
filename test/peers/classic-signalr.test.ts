import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { ClassicSignalRServer } from '../../simulators/protocols/classic-signalr.js'
import { serveSimulator } from '../../src/simulator/index.js'

/** It has no declarations. */
interface Client {
  serviceHandlers: Record<string, (value?: unknown) => unknown>
  start(): void
  end(): void
  call(
    hub: string,
    method: string,
    ...args: unknown[]
  ): {
    done(handler: (error: unknown, result: unknown) => void): void
  }
  on(hub: string, method: string, handler: (...args: unknown[]) => void): void
}

test('the client of signalr-client is served by our test server', async () => {
  const { client: ClientClass } = createRequire(import.meta.url)('signalr-client') as {
    client: new (url: string, hubs: string[], reconnectSeconds: number, doNotStart: boolean) => Client
  }
  const hub = new ClassicSignalRServer({ hubs: { Hub: { Echo: ([value]) => value } } })
  await using server = await serveSimulator(hub)
  const client = new ClientClass(`${server.url.replace('ws', 'http')}/signalr`, ['Hub'], 1, true)
  const pushed = new Promise((resolve) => client.on('Hub', 'News', (...args) => resolve(args)))
  await new Promise<void>((resolve) => {
    client.serviceHandlers['connected'] = () => resolve()
    client.start()
  })
  const echoed = await new Promise((resolve, reject) => {
    client.call('Hub', 'Echo', 'hello').done((error, result) => (error ? reject(error) : resolve(result)))
  })
  expect(echoed).toBe('hello')
  while (!hub.steps.includes('start')) await new Promise((resolve) => setTimeout(resolve, 5))
  hub.push('Hub', 'News', 1, 'two')
  expect(await pushed).toEqual([1, 'two'])
  client.end()
})

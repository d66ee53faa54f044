import { HttpTransportType, HubConnectionBuilder, JsonHubProtocol, LogLevel } from '@microsoft/signalr'
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack'
import * as msgpack from '@msgpack/msgpack'
import { describe, expect, test } from 'vitest'
import { HubRefusal, SignalRServer } from '../../simulators/protocols/signalr.js'
import { type SignalROptions, signalR } from '../../src/protocols/signalr/index.js'
import { serveSimulator } from '../../src/simulator/index.js'
import { LiveCodec } from '../src/protocols/live-codec.js'

const hubOptions = {
  methods: {
    Echo: ([value]: readonly unknown[]) => value,
    Fail: () => new HubRefusal('no'),
    Nothing: () => undefined,
    Upload: () => 'begun',
  },
  streams: {
    Count: function* ([to]: readonly unknown[]) {
      for (let count = 1; count <= Number(to); count++) yield count
    },
    Forever: function* () {
      for (let count = 1; ; count++) yield count
    },
  },
  messagePack: msgpack,
}

describe.each([
  ['json', () => new JsonHubProtocol()],
  ['messagepack', () => new MessagePackHubProtocol()],
] as const)('@microsoft/signalr is served by our test hub in %s', (_name, protocol) => {
  const build = (url: string, stateful = false) => {
    const builder = new HubConnectionBuilder()
      .withUrl(`${url.replace('ws', 'http')}/hub`, {
        transport: HttpTransportType.WebSockets,
        accessTokenFactory: () => 'jwt',
      })
      .withHubProtocol(protocol())
      .withAutomaticReconnect([0, 10, 10, 10, 50, 50])
      .configureLogging(LogLevel.None)
    return (stateful ? builder.withStatefulReconnect() : builder).build()
  }

  test('invocations, errors, streams both ways, client results, reconnects', async () => {
    const hub = new SignalRServer({ ...hubOptions, authorize: (token) => token === 'jwt', keepAliveMs: 200 })
    await using server = await serveSimulator(hub)
    const client = build(server.url)
    client.on('time', () => 42)
    await client.start()
    expect(await client.invoke('echo', { a: [1, 'é'] })).toEqual({ a: [1, 'é'] })
    expect(await client.invoke('nothing')).toBeFalsy()
    await expect(client.invoke('fail')).rejects.toThrow('no')
    await expect(client.invoke('none')).rejects.toThrow(/Unknown hub method/)
    const items: number[] = []
    await new Promise<void>((resolve, reject) => {
      client
        .stream<number>('count', 5)
        .subscribe({ next: (item) => items.push(item), complete: resolve, error: reject })
    })
    expect(items).toEqual([1, 2, 3, 4, 5])
    await new Promise<void>((resolve) => {
      const subscription = client.stream<number>('forever').subscribe({
        next: (item) => {
          if (item !== 3) return
          subscription.dispose()
          resolve()
        },
        complete: () => {},
        error: () => {},
      })
    })
    const answer = await new Promise((resolve) => hub.hubClients[0]?.ask('time', [], resolve))
    expect(answer).toMatchObject({ error: null, result: 42 })
    const again = new Promise<void>((resolve) => client.onreconnected(() => resolve()))
    hub.fault('reconnect-notice', 0)
    await again
    expect(await client.invoke('echo', 2)).toBe(2)
    const closed = new Promise<void>((resolve) => client.onclose(() => resolve()))
    hub.fault('close-final', 0)
    await closed
  })

  test('stateful reconnect: nothing is lost and nothing comes twice when the transport breaks', async () => {
    const seen: number[] = []
    const hub = new SignalRServer({ ...hubOptions, methods: { Add: ([n]) => seen.push(n as number) && n } })
    await using server = await serveSimulator(hub)
    const client = build(server.url, true)
    const pushed: number[] = []
    client.on('push', (n: number) => pushed.push(n))
    await client.start()
    const answers: Promise<number>[] = []
    for (let n = 0; n < 60; n++) {
      answers.push(client.invoke('add', n))
      hub.broadcast('push', n)
      if (n % 20 === 19) {
        // Bare, so that the server keeps what it knows.
        hub.clients[0]?.close(1012, '')
        await client.invoke('add', -1)
      }
    }
    const numbers = Array.from({ length: 60 }, (_, n) => n)
    expect(await Promise.all(answers)).toEqual(numbers)
    await client.invoke('add', -1)
    expect(seen.filter((n) => n >= 0)).toEqual(numbers)
    expect(pushed).toEqual(numbers)
    await client.stop()
  })
})

test('our client speaks MessagePack, numbers of 64 bits and bytes included', async () => {
  const library = {
    encode: (value: unknown) => msgpack.encode(value, { useBigInt64: true }),
    decode: (bytes: Uint8Array) => msgpack.decode(bytes, { useBigInt64: true }),
  }
  const hub = new SignalRServer({ ...hubOptions, messagePack: library })
  await using server = await serveSimulator(hub)
  const options: SignalROptions = { messagePack: library, statefulReconnect: true }
  await using live = new LiveCodec(signalR(options), `${server.url}/hub`)
  await live.whenReady()
  const value = { big: 9007199254740993n, bytes: Uint8Array.of(1, 2, 3), text: 'é'.repeat(300) }
  expect(await live.value({ type: 'invoke', target: 'echo', args: [value] })).toEqual(value)
  await live.value({ type: 'stream', target: 'count', args: [3] })
  expect(live.messages.map((message) => (message.type === 'item' ? message.item : null))).toEqual([1, 2, 3])
  live.cut()
  await live.until(() => live.readyTimes === 2)
  expect(await live.value({ type: 'invoke', target: 'echo', args: [1] })).toBe(1)
  expect(live.errors).toEqual([])
})

import { createHmac } from 'node:crypto'
import PusherModule from 'pusher-js'
import { expect, test } from 'vitest'
import { PusherServer } from '../../simulators/protocols/pusher.js'
import { serveSimulator } from '../../src/simulator/index.js'

/** What the package exports is the class; its declarations speak of a default export within. */
const Pusher = PusherModule as unknown as typeof PusherModule.default

const sign = (text: string) => `app-key:${createHmac('sha256', 'secret').update(text).digest('hex')}`

test('pusher-js is served by our test server: public, private, presence, client events, over a close of 4200', async () => {
  const app = new PusherServer({ verify: (auth, text) => auth === sign(text), activityTimeout: 1 })
  await using server = await serveSimulator(app)
  const client = (id: string) =>
    new Pusher('app-key', {
      cluster: 'x',
      wsHost: '127.0.0.1',
      wsPort: server.port,
      forceTLS: false,
      enabledTransports: ['ws'],
      disableStats: true,
      channelAuthorization: {
        customHandler: (
          { socketId, channelName }: { socketId: string; channelName: string },
          done: (error: null, answer: object) => void,
        ) => {
          const data = channelName.startsWith('presence-')
            ? JSON.stringify({ user_id: id, user_info: { name: id } })
            : undefined
          const tail = data === undefined ? '' : `:${data}`
          done(null, {
            auth: sign(`${socketId}:${channelName}${tail}`),
            ...(data ? { channel_data: data } : {}),
          })
        },
      } as never,
    })
  const ann = client('ann')
  const bob = client('bob')
  const heard: string[] = []
  const next = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = setInterval(() => {
        if (!condition()) return
        clearInterval(look)
        resolve()
      }, 5)
    })
  for (const [name, each] of [
    ['ann', ann],
    ['bob', bob],
  ] as const) {
    for (const channel of ['trades', 'private-orders', 'presence-room']) {
      const subscribed = each.subscribe(channel)
      subscribed.bind('pusher:subscription_succeeded', () => heard.push(`${name} ${channel}`))
      subscribed.bind('news', (data: { n: number }) => heard.push(`${name} ${channel} news ${data.n}`))
      subscribed.bind('client-hello', (data: { from: string }) => heard.push(`${name} hears ${data.from}`))
    }
  }
  await next(() => heard.length === 6)
  expect([...app.members('presence-room').keys()].sort()).toEqual(['ann', 'bob'])
  app.trigger('trades', 'news', { n: 1 })
  ann.channel('private-orders').trigger('client-hello', { from: 'ann' })
  await next(() => heard.length === 9)
  expect(heard).toContain('bob hears ann')
  expect(heard).not.toContain('ann hears ann')
  heard.length = 0
  app.fault('reconnect-notice', 0)
  await next(() => heard.length === 6)
  let pongs = 0
  ann.connection.bind('message', ({ event }: { event: string }) => {
    if (event === 'pusher:pong') pongs++
  })
  await next(() => pongs >= 2)
  app.trigger('private-orders', 'news', { n: 2 })
  await next(() => heard.filter((each) => each.endsWith('news 2')).length === 2)
  ann.disconnect()
  bob.disconnect()
})

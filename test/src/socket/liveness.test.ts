import { describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { openSocket } from '../../../src/socket/index.js'
import { eventually, leavingNothingOpen, venue } from './servers.js'

leavingNothingOpen()

const quick = { baseMs: 10, capMs: 50 }

describe('the heartbeat', () => {
  it('sends what it is told, and only what answers it keeps the connection', async () => {
    const pings: string[] = []
    const port = await venue((socket, { url }) => {
      const chatter = setInterval(() => socket.send('chatter'), 10)
      socket.on('close', () => clearInterval(chatter))
      socket.on('message', (data) => {
        pings.push(`${data}`)
        if (url === '/answers') socket.send(`pong ${`${data}`.split(' ')[1]}`)
      })
    })
    let n = 0
    const heartbeat = {
      send: () => `ping ${++n}`,
      everyMs: 30,
      when: 'always',
      answer: (data: string | Uint8Array) => `${data}`.startsWith('pong'),
      answerWithinMs: 5_000,
    } as const
    const beats: string[] = []
    await using answered = openSocket(`ws://127.0.0.1:${port}/answers`, {
      heartbeat,
      on: {
        heartbeat: ({ kind, afterMs }) => beats.push(`${kind} ${afterMs === null ? '' : typeof afterMs}`),
      },
    })
    await eventually(() =>
      expect(beats.slice(0, 4)).toEqual(['sent ', 'answered number', 'sent ', 'answered number']),
    )
    expect(answered.stats.connects).toBe(1)
    expect(pings[0]).toBe('ping 1')
    const lost: string[] = []
    await using ignored = openSocket(`ws://127.0.0.1:${port}/ignores`, {
      heartbeat: { ...heartbeat, answerWithinMs: 50 },
      reconnect: quick,
      on: { disconnect: ({ cause, reason }) => lost.push(`${cause}: ${reason}`) },
    })
    await eventually(() => expect(lost[0]).toBe('unanswered: a ping was not answered within 50 ms'))
    expect(ignored.stats.lost).toMatchObject({ unanswered: expect.any(Number) })
  })

  it('is by default a ping frame that any sign of life answers: a quiet server that answers pings keeps its connection', async () => {
    let pings = 0
    const port = await venue((socket) => socket.on('ping', () => pings++))
    const beats: string[] = []
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, {
      heartbeat: { everyMs: 20, answerWithinMs: 5_000 },
      on: { heartbeat: ({ kind }) => beats.push(kind) },
    })
    await eventually(() => expect(pings).toBeGreaterThan(3))
    expect(beats.slice(0, 4)).toEqual(['sent', 'answered', 'sent', 'answered'])
    expect(socket.stats.connects).toBe(1)
  })

  it('with `pong` is answered by nothing but a pong', async () => {
    const port = await venue(
      (socket) => {
        const chatter = setInterval(() => socket.send('chatter'), 5)
        socket.on('close', () => clearInterval(chatter))
      },
      { autoPong: false },
    )
    const causes: string[] = []
    await using _socket = openSocket(`ws://127.0.0.1:${port}/`, {
      heartbeat: { everyMs: 20, when: 'always', answer: 'pong', answerWithinMs: 50 },
      reconnect: quick,
      on: { disconnect: ({ cause }) => causes.push(cause) },
    })
    await eventually(() => expect(causes[0]).toBe('unanswered'))
  })
})

describe('the watchdog', () => {
  it('takes for life what it is told: a server that only says the wrong thing is silent', async () => {
    const port = await venue((socket) => {
      const chatter = setInterval(() => socket.send('keepalive'), 5)
      socket.on('close', () => clearInterval(chatter))
    })
    const causes: string[] = []
    await using _socket = openSocket(`ws://127.0.0.1:${port}/`, {
      watchdog: { silentAfterMs: 100, life: (data) => data !== 'keepalive' },
      reconnect: quick,
      on: { disconnect: ({ cause }) => causes.push(cause) },
    })
    await eventually(() => expect(causes[0]).toBe('silent'))
  })

  it('watches keys by themselves: reports the silent one once, again after it spoke, and those that never came', async () => {
    let talk: (text: string) => void = () => {}
    const port = await venue((socket) => {
      talk = (text) => socket.send(text)
      const chatter = setInterval(() => socket.send('a 1'), 5)
      socket.on('close', () => clearInterval(chatter))
    })
    const silent: string[] = []
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, {
      watchdog: {
        keys: { of: (data) => `${data}`.split(' ')[0] ?? null, silentAfterMs: 1_500, expect: ['never'] },
      },
      on: { silent: ({ key }) => silent.push(key) },
    })
    await socket.ready()
    talk('b 1')
    await eventually(() => expect([...silent].sort()).toEqual(['b', 'never']))
    talk('b 2')
    await eventually(() => expect(silent.filter((key) => key === 'b')).toHaveLength(2))
    expect(silent).not.toContain('a')
    expect(socket.stats.connects).toBe(1)
  })

  it('connects again for a silent key where it is told to', async () => {
    const port = await venue((socket) => {
      const chatter = setInterval(() => socket.send('a'), 5)
      socket.on('close', () => clearInterval(chatter))
    })
    const reasons: string[] = []
    await using _socket = openSocket(`ws://127.0.0.1:${port}/`, {
      watchdog: { keys: { of: String, silentAfterMs: 50, expect: ['b'], onSilence: 'reconnect' } },
      reconnect: quick,
      on: { disconnect: ({ reason }) => reasons.push(reason) },
    })
    await eventually(() => expect(reasons.length).toBeGreaterThan(1))
    expect(reasons[0]).toBe('nothing came for b in 50 ms')
  })
})

describe('rotation', () => {
  it('opens the next connection before the server cuts the old one, and misses nothing between', async () => {
    let n = 0
    const open = new Set<WebSocket>()
    const port = await venue((socket) => {
      open.add(socket)
      socket.on('close', () => open.delete(socket))
    })
    const ticking = setInterval(() => {
      n++
      for (const socket of open) socket.send(`${n}`)
    }, 2)
    const seen = new Set<number>()
    const told: string[] = []
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, {
      rotate: { maxAgeMs: 300, overlapMs: 100 },
      on: {
        message: ({ data }) => void seen.add(Number(data)),
        connect: ({ connection, replaces }) => told.push(`connect ${connection} for ${replaces}`),
        disconnect: ({ connection, replaced, planned, reason }) =>
          told.push(`disconnect ${connection} ${replaced} ${planned} ${reason}`),
      },
    })
    await eventually(() => expect(socket.stats.connects).toBeGreaterThanOrEqual(4))
    clearInterval(ticking)
    const [from, to] = [Math.min(...seen), Math.max(...seen)]
    expect(seen.size).toBe(to - from + 1)
    expect(told.slice(0, 4)).toEqual([
      'connect 1 for null',
      'connect 2 for 1',
      'disconnect 1 true true replaced by connection 2',
      'connect 3 for 2',
    ])
    expect(open.size).toBeLessThanOrEqual(2)
  })

  it('leads to the connection that is on its way where the old one is cut meanwhile', async () => {
    const sockets: WebSocket[] = []
    let slow = false
    const port = await venue((socket) => void sockets.push(socket), {
      verifyClient: (_info, decide) => void setTimeout(() => decide(true), slow ? 300 : 0),
    })
    const told: string[] = []
    await using socket = openSocket(`ws://127.0.0.1:${port}/`, {
      on: {
        connect: ({ connection, replaces }) => told.push(`connect ${connection} ${replaces}`),
        disconnect: ({ connection, cause, replaced }) =>
          told.push(`disconnect ${connection} ${cause} ${replaced}`),
      },
    })
    await socket.ready()
    slow = true
    socket.replace()
    sockets[0]?.terminate()
    await eventually(() =>
      expect(told).toEqual(['connect 1 null', 'disconnect 1 cut true', 'connect 2 null']),
    )
    expect(socket.stats.attempts).toBe(2)
  })
})

it('keeps a stream through cuts, silence and refusals: every disconnect is followed by a connect, and nothing is left', async () => {
  let connection = 0
  const port = await venue(
    (socket) => {
      connection++
      const talking = setInterval(() => socket.send('x'), 5)
      const fate = connection % 3
      const end = setTimeout(() => {
        if (fate === 0) socket.terminate()
        else if (fate === 1) clearInterval(talking)
        else socket.close(1011, 'broken')
      }, 60)
      socket.on('close', () => {
        clearInterval(talking)
        clearTimeout(end)
      })
    },
    { verifyClient: () => Math.floor(performance.now()) % 4 !== 0 },
  )
  const told: string[] = []
  const socket = openSocket(`ws://127.0.0.1:${port}/`, {
    watchdog: { silentAfterMs: 100 },
    reconnect: quick,
    on: {
      connect: () => void told.push('connect'),
      disconnect: ({ cause }) => void told.push(cause),
    },
  })
  await eventually(() => expect(socket.stats.connects).toBeGreaterThanOrEqual(10))
  for (const [at, what] of told.entries()) expect(what === 'connect').toBe(at % 2 === 0)
  expect(new Set(told)).toEqual(new Set(['connect', 'cut', 'silent', 'closed']))
  await socket.close()
})

import { readFileSync } from 'node:fs'
import { Agent, type ClientRequestArgs } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { nodeHttp } from '../../src/socket/http.js'
import { nodeDial, systemClock } from '../../src/socket/index.js'
import { NETWORK } from '../../src/socket/network-defaults.js'
import { socketConfig } from '../../src/socket/socket-options.js'
import { answering, closeServers, Dialled, venue } from '../src/socket/servers.js'
import { table } from './bounds.js'

const { rows } = table('setting')

/** What the page says is set, by the name of the setting. */
function said(setting: string): string {
  const cells = rows.get(`\`${setting}\``) ?? rows.get(setting)
  if (cells?.[0] === undefined) throw new Error(`docs/reliability.md says nothing of ${setting}`)
  return cells[0]
}

/** The first number or word of a cell. */
function value(cell: string): unknown {
  const number = /\d+/.exec(cell)?.[0]
  if (/^(true|false)$/.test(cell)) return cell === 'true'
  return number === undefined ? cell : Number(number)
}

afterEach(async () => {
  await closeServers()
})

describe('the page on defaults', () => {
  it('says what a WebSocket is made with', async () => {
    let settings: Record<string, unknown> = {}
    const keptAlive: unknown[][] = []
    const port = await venue((socket) => socket.close(1000))
    const dial = nodeDial({
      clock: systemClock(),
      createWebSocket(url, protocols, options) {
        settings = { ...options }
        const socket = new WebSocket(url, protocols, options)
        socket.on('upgrade', ({ socket: connection }) => {
          const real = connection.setKeepAlive.bind(connection)
          connection.setKeepAlive = (...given) => {
            keptAlive.push(given)
            return real(...given)
          }
        })
        return socket
      },
    })
    await new Dialled(dial, { url: `ws://127.0.0.1:${port}/`, timeoutMs: 8_000, maxFrameBytes: 1_234 }).closed
    for (const name of [
      'autoSelectFamily',
      'followRedirects',
      'maxHeaderSize',
      'perMessageDeflate',
      'maxFragments',
      'maxBufferedChunks',
      'skipUTF8Validation',
      'allowSynchronousEvents',
      'autoPong',
      'closeTimeout',
    ]) {
      expect([name, settings[name]]).toEqual([name, value(said(name))])
    }
    expect(said('minVersion')).toBe(settings['minVersion'])
    expect(said('autoSelectFamilyAttemptTimeout')).toBe('1/4 of `connectTimeoutMs`')
    expect(settings['autoSelectFamilyAttemptTimeout']).toBe(2_000)
    expect(settings).toMatchObject({ maxPayload: 1_234 })
    expect(settings).not.toHaveProperty('handshakeTimeout')
    expect(keptAlive).toEqual([[true, value(said('keepAlive'))]])
    expect(rows.get('`allowSynchronousEvents`')?.[2]).toContain(`at most ${NETWORK.turnMs} ms in a turn`)
    expect(rows.get('`autoPong`')?.[2]).toContain(`Here ${NETWORK.maxPendingPongs} wait`)
  })

  it('says what a REST call is made with', async () => {
    const made: ClientRequestArgs[] = []
    const agent = new Agent()
    agent.createConnection = (options) => {
      made.push(options)
      return connect(Number(options.port), '127.0.0.1')
    }
    const port = await answering(200)
    const request = { id: '', method: 'GET', url: `http://127.0.0.1:${port}/` } as const
    const call = nodeHttp({ clock: systemClock(), agent })
    expect(await call(request, { timeoutMs: 5_000, maxBytes: 10 })).toMatchObject({ status: 200 })
    for (const name of ['maxHeaderSize', 'insecureHTTPParser'] as const) {
      expect([name, made[0]?.[name]]).toEqual([name, value(said(name))])
    }
  })

  it('says how long is waited', () => {
    const dial = nodeDial({ clock: systemClock() })
    const config = socketConfig({ target: { url: 'ws://venue.example/' }, dial, clock: systemClock() })
    expect(value(said('Retry-After'))).toBe(config.maxHoldMs)
    expect(Number(rows.get('timers')?.[1]?.replace(' ms', ''))).toBe(2 ** 31 - 1)
  })

  it('says how a tape is written', () => {
    const source = readFileSync(new URL('../../recorder/writable-tape.ts', import.meta.url), 'utf8')
    for (const name of ['journal_mode', 'synchronous', 'wal_autocheckpoint', 'foreign_keys']) {
      const set = new RegExp(`pragma\\('${name} = (\\w+)'\\)`).exec(source)?.[1]
      expect(said(name).split(' ')[0]).toBe(set)
    }
  })
})

import { describe, expect, it } from 'vitest'
import {
  connectUrl,
  hubAddress,
  hubsOfUrl,
  negotiateUrl,
  startUrl,
} from '../../../../src/protocols/classic-signalr/grammar.js'

const TOKEN = 'OI/nFaY+CQVb=='

describe('the address of hubs', () => {
  it.each([
    ['ws://127.0.0.1:9001', 'http://127.0.0.1:9001/signalr'],
    ['ws://127.0.0.1:9001/', 'http://127.0.0.1:9001/signalr'],
    ['wss://host/signalr', 'https://host/signalr'],
    ['https://host/signalr/', 'https://host/signalr'],
    ['http://host/gateway/bittrex', 'http://host/gateway/bittrex'],
  ])('%s is %s', (url, base) => {
    expect(hubAddress(url, ['c3']).base).toBe(base)
  })

  it('names its hubs when negotiating', () => {
    const url = negotiateUrl(hubAddress('wss://host/signalr', ['c3']))
    expect(url).toBe(
      'https://host/signalr/negotiate?clientProtocol=1.5&connectionData=%5B%7B%22name%22%3A%22c3%22%7D%5D',
    )
    expect(hubsOfUrl(url)).toEqual(['c3'])
  })

  it('connects over a WebSocket and starts over HTTP, with the token encoded', () => {
    const address = hubAddress('ws://host', ['c3'])
    const connect = new URL(connectUrl(address, TOKEN))
    const start = new URL(startUrl(address, TOKEN))
    expect(connect.href).toMatch(/^ws:\/\/host\/signalr\/connect\?/)
    expect(start.href).toMatch(/^http:\/\/host\/signalr\/start\?/)
    for (const { searchParams } of [connect, start]) {
      expect(Object.fromEntries(searchParams)).toEqual({
        transport: 'webSockets',
        clientProtocol: '1.5',
        connectionData: '[{"name":"c3"}]',
        connectionToken: TOKEN,
      })
    }
    expect(connect.search).toContain('OI%2FnFaY%2BCQVb%3D%3D')
  })

  it('tells the hubs of any URL, in lower case, and none where there are none', () => {
    expect(hubsOfUrl('/signalr/negotiate?connectionData=[{"name":"TradeHub"},{"Name":"c2"}]')).toEqual([
      'tradehub',
      'c2',
    ])
    expect(hubsOfUrl('/signalr/negotiate')).toEqual([])
  })
})

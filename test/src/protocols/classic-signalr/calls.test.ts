import { describe, expect, it } from 'vitest'
import { OpenCalls, readCall } from '../../../../src/protocols/classic-signalr/grammar.js'

describe('calls', () => {
  it('go out under an id of their own and are read back', () => {
    const calls = new OpenCalls<string>()
    const first = calls.call('c3', 'Subscribe', [['heartbeat', 'trade_BTC-USD']], 'a')
    const second = calls.call('c3', 'Subscribe', [['ticker_BTC-USD']], 'b')
    expect(first).toBe('{"H":"c3","M":"Subscribe","A":[["heartbeat","trade_BTC-USD"]],"I":1}')
    expect(readCall(first)).toEqual({
      id: '1',
      hub: 'c3',
      method: 'subscribe',
      args: [['heartbeat', 'trade_BTC-USD']],
    })
    expect(readCall(second).id).toBe('2')
  })

  it('find their subject by id, in whatever order replies come, and only once', () => {
    const calls = new OpenCalls<string>()
    for (const subject of ['a', 'b', 'c']) calls.call('h', 'm', [], subject)
    expect(calls.size).toBe(3)
    expect(['3', '1', '2'].map((id) => calls.settle(id))).toEqual(['c', 'a', 'b'])
    expect(calls.settle('1')).toBeUndefined()
    expect(calls.settle('99')).toBeUndefined()
    expect(calls.size).toBe(0)
  })

  it('of a recorded client that used an id twice are answered in order, or by what fits', () => {
    const calls = new OpenCalls<string>()
    calls.add('0', 'subscribe a')
    calls.add('0', 'query a')
    calls.add('0', 'subscribe b')
    expect(calls.settle('0', (subject) => subject.startsWith('query'))).toBe('query a')
    expect(calls.settle('0', (subject) => subject.startsWith('query'))).toBeUndefined()
    expect(calls.settle('0')).toBe('subscribe a')
    expect(calls.settle('0')).toBe('subscribe b')
  })

  it('that are never answered do not pile up', () => {
    const calls = new OpenCalls<number>()
    for (let n = 1; n <= 10_010; n++) calls.call('h', 'm', [], n)
    expect(calls.size).toBe(10_000)
    expect(calls.settle('10')).toBeUndefined()
    expect(calls.settle('11')).toBe(11)
  })

  it.each(['', '{}', '{"H":"c3","M":"x","A":{},"I":1}'])('refuses %j', (text) => {
    expect(() => readCall(text)).toThrow()
  })
})

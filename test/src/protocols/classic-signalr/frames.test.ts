import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../src/errors.js'
import {
  failureFrame,
  groupsFrame,
  initFrame,
  KEEPALIVE_FRAME,
  pushFrame,
  readFrame,
  reconnectFrame,
  resultFrame,
} from '../../../../src/protocols/classic-signalr/grammar.js'

/** What stands in every push that says nothing special. */
const QUIET = { initialised: false, groups: null, reconnect: false }

describe('frames of a classic SignalR server', () => {
  it('says when the transport is up', () => {
    expect(readFrame('{"C":"d-1,0|a,0|b,1","S":1,"M":[]}')).toEqual({
      ...QUIET,
      kind: 'push',
      cursor: 'd-1,0|a,0|b,1',
      initialised: true,
      messages: [],
    })
  })

  it('knows the keepalive', () => {
    expect(readFrame('{}')).toEqual({ kind: 'keepalive' })
    expect(readFrame(KEEPALIVE_FRAME)).toEqual({ kind: 'keepalive' })
  })

  it('gives several messages of one frame in their order, hubs and methods in lower case', () => {
    const frame = readFrame(
      '{"C":"d-1,0|a,1","M":[{"H":"C3","M":"heartbeat","A":[]},{"H":"C3","M":"orderBook","A":["x",1.50]}]}',
    )
    expect(frame).toEqual({
      ...QUIET,
      kind: 'push',
      cursor: 'd-1,0|a,1',
      messages: [
        { hub: 'c3', method: 'heartbeat', args: [] },
        { hub: 'c3', method: 'orderbook', args: ['x', '1.50'] },
      ],
    })
  })

  it('tells of new groups and of the wish for a new connection', () => {
    expect(readFrame('{"C":"d-1","G":"6Hn8/+=","M":[]}')).toMatchObject({ groups: '6Hn8/+=', messages: [] })
    expect(readFrame('{"C":"d-1","T":1,"L":2000,"M":[]}')).toMatchObject({ reconnect: true })
    expect(readFrame('{"C":"d-1"}')).toMatchObject({ kind: 'push', reconnect: false, messages: [] })
  })

  it('matches replies by text, however the id is written', () => {
    const value = [{ Success: true, ErrorCode: null }]
    expect(readFrame('{"R":[{"Success":true,"ErrorCode":null}],"I":"1"}')).toEqual({
      kind: 'result',
      id: '1',
      value,
    })
    expect(readFrame('{"R":[{"Success":true,"ErrorCode":null}],"I":1}')).toEqual({
      kind: 'result',
      id: '1',
      value,
    })
  })

  it('keeps every digit of a result', () => {
    expect(readFrame('{"R":{"price":12345678901234567890.123456789},"I":"1"}')).toMatchObject({
      value: { price: '12345678901234567890.123456789' },
    })
  })

  it('knows a method that returns nothing', () => {
    expect(readFrame('{"I":"4"}')).toEqual({ kind: 'result', id: '4', value: null })
    expect(readFrame('{"I":"4","R":null}')).toEqual({ kind: 'result', id: '4', value: null })
  })

  it('tells a failed call, and whether its hub meant the text for us', () => {
    expect(readFrame('{"I":"2","E":"boom","H":true,"D":{"code":7},"T":"at Hub.Do()"}')).toEqual({
      kind: 'failure',
      id: '2',
      error: 'boom',
      hubException: true,
      data: { code: '7' },
    })
    expect(readFrame('{"I":"2","E":"boom"}')).toMatchObject({ hubException: false, data: null })
  })

  it('knows progress', () => {
    expect(readFrame('{"I":"3","P":{"I":0,"D":0.5}}')).toEqual({ kind: 'progress', id: '3', value: '0.5' })
    expect(readFrame('{"I":"3","P":{}}')).toEqual({ kind: 'progress', id: '3', value: null })
  })

  it.each([
    ['not JSON', '{"C":', 'not_json', ''],
    ['a bare value', '"hello"', 'unknown_message', ''],
    ['a list', '[]', 'unknown_message', ''],
    ['an object of another protocol', '{"type":6}', 'unknown_message', ''],
    ['messages that are none', '{"C":"d-1","M":[{"H":"C3","A":[]}]}', 'schema_mismatch', 'M.0.M'],
    [
      'arguments that are no list',
      '{"C":"d-1","M":[{"H":"C3","M":"x","A":"x"}]}',
      'schema_mismatch',
      'M.0.A',
    ],
    ['an id that is none', '{"I":{},"R":1}', 'schema_mismatch', 'I'],
  ])('refuses %s', (_, text, code, path) => {
    try {
      readFrame(text)
      expect.unreachable()
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      expect([error.code, error.path.join('.')]).toEqual([code, path])
    }
  })

  it('reads whatever the server side writes', () => {
    const word = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,8}$/)
    const message = fc.record({ hub: word, method: word, args: fc.array(fc.string(), { maxLength: 3 }) })
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), fc.string(), fc.nat(), (messages, text, id) => {
        expect(readFrame(pushFrame(text, messages))).toEqual({
          ...QUIET,
          kind: 'push',
          cursor: text,
          messages: messages.map(({ hub, method, args }) => ({
            hub: hub.toLowerCase(),
            method: method.toLowerCase(),
            args,
          })),
        })
        expect(readFrame(resultFrame(String(id), [text]))).toEqual({
          kind: 'result',
          id: String(id),
          value: [text],
        })
        expect(readFrame(failureFrame(String(id), text))).toMatchObject({ kind: 'failure', error: text })
        expect(readFrame(groupsFrame('c', text))).toMatchObject({ groups: text })
        expect(readFrame(initFrame(text))).toMatchObject({ initialised: true, cursor: text })
        expect(readFrame(reconnectFrame(text))).toMatchObject({ reconnect: true })
      }),
    )
  })
})

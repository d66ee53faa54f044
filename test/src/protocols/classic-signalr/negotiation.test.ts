import { describe, expect, it } from 'vitest'
import { VenueError } from '../../../../src/errors.js'
import {
  type Answer,
  cookiesOf,
  isStarted,
  negotiationBody,
  readNegotiation,
  STARTED_BODY,
} from '../../../../src/protocols/classic-signalr/grammar.js'

const GRANTED =
  '{"Url":"/signalr","ConnectionToken":"aG/+=","ConnectionId":"7f0e","KeepAliveTimeout":20.0,"DisconnectTimeout":30.0,"ConnectionTimeout":110.0,"TryWebSockets":true,"ProtocolVersion":"1.4","TransportConnectTimeout":5.0,"LongPollDelay":0.0}'

function answer(body: string, status = 200, headers: Record<string, string> = {}): Answer {
  return { url: 'https://host/signalr/negotiate?clientProtocol=1.5', status, headers, body }
}

function refusal(of: Answer): VenueError {
  try {
    readNegotiation(of)
  } catch (error) {
    if (error instanceof VenueError) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('negotiation', () => {
  it('reads the token and the times, which are seconds', () => {
    expect(readNegotiation(answer(GRANTED))).toEqual({
      connectionToken: 'aG/+=',
      keepAliveTimeoutMs: 20_000,
      transportConnectTimeoutMs: 5_000,
    })
  })

  it('takes a server without keepalive at its word', () => {
    const body = GRANTED.replace('"KeepAliveTimeout":20.0', '"KeepAliveTimeout":null')
    expect(readNegotiation(answer(body)).keepAliveTimeoutMs).toBeNull()
  })

  it('reads what our own server side writes', () => {
    expect(readNegotiation(answer(negotiationBody('t/o+k=', 'id'))).connectionToken).toBe('t/o+k=')
  })

  it.each([
    ['an unknown hub', answer('<html>Server Error</html>', 500), 'HTTP 500'],
    ['no answer at all', answer('connect ECONNREFUSED', 0), 'connect ECONNREFUSED'],
    ['a page', answer('<html>'), 'not JSON'],
    ['no token', answer('{"TryWebSockets":true}'), 'ConnectionToken'],
    ['no WebSockets', answer(GRANTED.replace('"TryWebSockets":true', '"TryWebSockets":false')), 'WebSockets'],
    ['an error of the server', answer('{"Error":"too many"}'), 'too many'],
    ['a redirect', answer('{"RedirectUrl":"https://elsewhere","AccessToken":"s3cret"}'), 'redirects'],
    ['times that are none', answer(GRANTED.replace('20.0', '"soon"')), 'KeepAliveTimeout'],
  ])('refuses %s, and says why', (_, given, why) => {
    const error = refusal(given)
    expect(error.code).toBe('negotiate_refused')
    expect(error.retryable).toBe(true)
    expect(error.message).toContain(why)
    expect(error.message).not.toContain('s3cret')
    expect(error.message).not.toContain('clientProtocol')
  })
})

describe('cookies', () => {
  it('are carried on, whatever attributes they have', () => {
    const header =
      '__cfduid=d1; expires=Wed, 14-Jul-21 01:53:39 GMT; path=/; HttpOnly, ARRAffinity=5a=; Path=/; Secure'
    expect(cookiesOf(answer('', 200, { 'set-cookie': header }))).toBe('__cfduid=d1; ARRAffinity=5a=')
  })

  it('are none where the server sets none', () => {
    expect(cookiesOf(answer(''))).toBeNull()
    expect(cookiesOf(answer('', 200, { 'set-cookie': '' }))).toBeNull()
  })
})

describe('start', () => {
  it.each([
    [STARTED_BODY, 200, true],
    ['{"Response":"pong"}', 200, false],
    ['{"Response":"started"}', 400, false],
    ['<html>', 200, false],
    ['{}', 200, false],
  ])('%s with status %i: %s', (body, status, started) => {
    expect(isStarted(answer(body, status))).toBe(started)
  })
})

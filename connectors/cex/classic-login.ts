import { authReply } from '../../schemas/cex.js'
import type { Micros } from '../../schemas/events.js'
import type { HttpResponse } from '../../src/connector.js'
import { checker } from '../../src/decode/decoder.js'
import type { LosslessValue } from '../../src/decode/lossless.js'
import type { SessionKit } from '../../src/session/session.js'
import { type Credentials, loginFrame } from './credentials.js'

const checkAuth = checker(authReply)

/** The greeting comes with the upgrade, the answer to a login within a second. */
const GREETING_MS = 10_000
const LOGIN_MS = 15_000
/** Requests have a pace, and other ones may come first. */
const TIME_MS = 60_000
/** A clock that is off, or a server that is busy, may be better then. */
const LOGIN_AGAIN_MS = 30_000

/** The answer in whose head the venue's clock is read. */
const TIME_REQUEST = 'server time'

/** `greeting` → (`login` →) `ready`; a login that was refused leaves what needs none. */
type State = 'greeting' | 'login' | 'ready'

/** How far the venue's clock is ahead of ours, as far as logins needed to know. All connections of a connector share it. */
export interface VenueClock {
  ahead: Micros
}

/** What comes before a connection of the classic API may be used. */
export interface ClassicLogin {
  /** Why the venue does not let us in; null while it may. */
  readonly refusal: string | null
  opened(at: Micros | null): void
  greeted(at: Micros | null): void
  /** @returns whether the login stands from now on. */
  granted(value: LosslessValue, frame: string): boolean
  refused(reason: string, at: Micros | null): void
  /** @returns whether the answer was for the login. */
  response(response: HttpResponse, at: Micros | null): boolean
}

/**
 * The login of the classic API. It is signed with the time, which may be 20 s off: where the machine's clock is further off
 * than that, the venue's own is read in the head of a REST answer, and the login sent a second time. The next connection
 * begins with what was learned.
 */
export function classicLogin(
  { init, sink, streams, alarms }: SessionKit,
  credentials: Credentials | null,
  clock: VenueClock,
): ClassicLogin {
  let state: State = 'greeting'
  let refusal: string | null = null
  let corrected = false

  function ready(): void {
    state = 'ready'
    sink.ready()
  }

  function send(own: Credentials, at: Micros): void {
    state = 'login'
    sink.send(loginFrame(own, Math.floor((at + clock.ahead) / 1_000_000), init.tools.hmacSha256))
    alarms.set('login', at, LOGIN_MS, () => sink.reconnect('the login was not answered'))
  }

  function askTime(at: Micros | null): void {
    corrected = true
    alarms.set('login', at, TIME_MS, () => sink.reconnect('the venue does not tell its time'))
    sink.request({
      id: TIME_REQUEST,
      method: 'POST',
      url: `${init.endpoint.rest}/currency_profile`,
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
  }

  return {
    get refusal() {
      return refusal
    },
    opened(at) {
      alarms.set('greeting', at, GREETING_MS, () => sink.reconnect('the venue did not greet'))
    },
    greeted(at) {
      if (state !== 'greeting' || init.adopt) return
      alarms.clear('greeting')
      if (credentials === null || at === null) ready()
      else send(credentials, at)
    },
    granted(value, frame) {
      checkAuth(value, frame)
      if (state !== 'login') return false
      alarms.clear('login')
      ready()
      return true
    },
    refused(reason, at) {
      streams.connection('refused', `login: ${reason}`, at)
      if (state !== 'login') return
      const ofTheClock = /range/i.test(reason)
      if (ofTheClock && !corrected) askTime(at)
      else if (ofTheClock || /rate limit/i.test(reason)) {
        sink.reconnect(`login: ${reason}`, { afterMs: LOGIN_AGAIN_MS })
      } else {
        // A wrong key will not become right: what needs no login goes on.
        alarms.clear('login')
        refusal = reason
        ready()
      }
    },
    response({ id, status, headers }, at) {
      if (id !== TIME_REQUEST) return false
      if (state !== 'login' || credentials === null || at === null) return true
      const told = Date.parse(headers['date'] ?? '')
      if (Number.isNaN(told)) {
        sink.reconnect(`login: the venue does not tell its time (status ${status})`, {
          afterMs: LOGIN_AGAIN_MS,
        })
      } else {
        clock.ahead = told * 1000 - at
        send(credentials, at)
      }
      return true
    },
  }
}

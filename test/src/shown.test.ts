import { describe, expect, it } from 'vitest'
import { NetworkError } from '../../src/errors.js'
import { connectorOptions, parseOptions } from '../../src/options.js'
import { frameWithoutSecrets, keepSecret, keepSecretsOf } from '../../src/secrets.js'
import { recordedUrl, shown, shownHead, shownJson, shownUrl } from '../../src/shown.js'

describe('a text from outside, as it is shown', () => {
  it('holds no character that a terminal obeys, and keeps every other', () => {
    expect(shown('\u001b[2J\u001b]0;owned\u0007\u009b31m\r\n\tgrüezi 日本 😀')).toBe(
      '\\u001b[2J\\u001b]0;owned\\u0007\\u009b31m\\r\\n\\tgrüezi 日本 😀',
    )
    expect(shown('BTC\u202eDSU\u2066 \u200b\ufeff \ud800')).toBe(
      'BTC\\u202eDSU\\u2066 \\u200b\\ufeff \\ud800',
    )
  })

  it('is at most 1,000 characters and says that it was cut, however long the text was', () => {
    const long = shown('x'.repeat(900_023))
    expect(long).toHaveLength(1_000)
    expect(long).toMatch(/x \(cut: 900,023 characters\)$/)
    expect(shown('\u001b'.repeat(900)).length).toBeLessThanOrEqual(1_000)
    expect(shown('x'.repeat(1_000))).toBe('x'.repeat(1_000))
  })

  it('stays as it is when it is shown again', () => {
    for (const text of [
      'x'.repeat(5_000),
      '\u001b[31m',
      'GET http://ann:hunter2@proxy:3128/ Authorization: Basic YW5uOmh1bnRlcjI=',
      '{"auth":{"key":"abc","signature":"def"}}',
      'wss://gateway/feed?token=abc',
    ]) {
      const once = shown(text)
      expect(shown(once)).toBe(once)
    }
  })

  it('holds no login, header or token, even one that nobody registered', () => {
    for (const text of [
      'no way through http://ann:canary@proxy:3128',
      'socks5h://ann:p@canary/x@proxy:1080 is down',
      'ann:canary@proxy:3128 is no URL',
      '407 Proxy-Authorization: Basic canary',
      'echo: Authorization: Bearer canary',
      'Bearer canary0815 is expired',
      'Set-Cookie: sid=canary; Path=/',
      '{"e":"auth","auth":{"key":"canary","signature":"canary"}}',
      '{"body":"{\\"apiKey\\":\\"canary\\"}"}',
      'wss://gateway/feed?x=1&listenToken=canary',
    ]) {
      expect(shown(text)).not.toContain('canary')
      expect(shown(text)).toContain('(removed)')
    }
    expect(shown('Basic authentication failed: see https://venue/docs')).toBe(
      'Basic authentication failed: see https://venue/docs',
    )
  })

  it('holds no secret that was given as an option, in whatever form it is echoed', () => {
    keepSecretsOf({
      secret: 'canary/one 1',
      url: 'wss://ann:canary-two@gateway/feed?token=canary-three',
      headers: { 'X-Api-Key': 'canary-four', Authorization: 'Bearer canary-five' },
      lines: [{ proxy: 'ann:canary-six@proxy:3128', urls: { huobi: 'ws://bob:canary-seven@gateway' } }],
    })
    const echoes = [
      'canary/one 1',
      'canary%2Fone%201',
      ...['two', 'three', 'four', 'five', 'six', 'seven'].map((n) => `canary-${n}`),
    ]
    for (const echo of [
      ...echoes,
      btoa('ann:canary-two'),
      btoa('ann:canary-six'),
      btoa('bob:canary-seven'),
    ]) {
      expect(shown(`you sent ${echo}`)).toBe('you sent (removed)')
      expect(frameWithoutSecrets(`{"you":"${echo}"}`)).toBe('{"you":"(removed)"}')
    }
  })

  it('holds no secret that the other side cut through', () => {
    keepSecret('another-secret-0815')
    expect(shown('closed with 4000 another-sec')).toBe('closed with 4000 (removed)')
    expect(shown('closed with 4000 another')).toBe('closed with 4000 (removed)')
    expect(shown('closed with 4000 anot')).toBe('closed with 4000 anot')
  })

  it('does not lose half of a secret at the cut', () => {
    keepSecret('a-secret-of-some-length')
    for (let before = 960; before <= 1_010; before++) {
      expect(shown(`${'x'.repeat(before)}a-secret-of-some-length${'y'.repeat(9_000)}`)).not.toMatch(/a-s|sec/)
    }
    expect(shownHead(`${'x'.repeat(190)}a-secret-of-some-length`)).toBe(`${'x'.repeat(190)}(removed)`)
  })

  it('leaves data alone that a short or numeric password could be taken for', () => {
    keepSecretsOf({ url: 'ws://ann:12345678@gateway', headers: { 'x-market': 'BTC-USD' }, password: 'trade' })
    const frame = '{"market":"BTC-USD","price":12345678,"type":"trade"}'
    expect(frameWithoutSecrets(frame)).toBe(frame)
    expect(shown('the traders 12345678')).toBe('the traders (removed)')
  })
})

describe('an error', () => {
  it('shows its message, context and cause', () => {
    const cause = Object.assign(new Error('\u001b[31m http://ann:canary@proxy'), {
      code: 'HPE_INVALID',
      rawPacket: Buffer.from('canary'),
    })
    const error = new NetworkError('connect_failed', 'no way: \u001b[31m http://ann:canary@proxy', {
      cause,
      context: { url: 'http://ann:canary@proxy', status: 3 },
    })
    expect(error.message).toBe('no way: \\u001b[31m http://(removed)@proxy')
    expect(error.context).toEqual({ url: 'http://(removed)@proxy', status: 3 })
    expect(error.cause).toMatchObject({ code: 'HPE_INVALID', message: '\\u001b[31m http://(removed)@proxy' })
    expect(error.cause).not.toHaveProperty('rawPacket')
    expect((error.cause as Error).stack).not.toContain('canary')
  })

  it('takes an AbortError for its cause, whose accessors work on nothing but itself', () => {
    const error = new NetworkError('connect_failed', 'cut', { cause: AbortSignal.abort().reason })
    expect(error.cause).toMatchObject({ name: 'AbortError', message: 'This operation was aborted' })
    expect(String((error.cause as Error).stack)).toContain('AbortError')
  })

  it('of a wrong option shows no login, whatever the option', () => {
    for (const options of [
      { url: 'http://ann:canary@gateway' },
      { url: 'ann:canary@gateway' },
      { restUrl: 'ftp://ann:canary@gateway' },
      { headers: 'canary' },
      { headers: { 'x-token': ['canary'] } },
      { symbols: 'wss://ann:canary@gateway' },
    ]) {
      let said = ''
      try {
        parseOptions('venue', connectorOptions, options)
      } catch (error) {
        said = String(error)
      }
      expect(said).toContain('venue: option')
      expect(said).not.toContain('canary')
    }
  })
})

describe('a URL', () => {
  it('is shown without login and query, and recorded with its query and without tokens', () => {
    const url = 'https://ann:canary@venue.example/v1/trades?symbol=BTC%2FUSD&api_key=canary'
    expect(shownUrl(url)).toBe('https://venue.example/v1/trades')
    expect(recordedUrl(url)).toBe('https://venue.example/v1/trades?symbol=BTC%2FUSD&api_key=%28removed%29')
    expect(recordedUrl('https://venue.example/t?a=b%20c&d')).toBe('https://venue.example/t?a=b%20c&d')
    expect(shownUrl('ann:canary@venue')).not.toContain('canary')
    expect(shownUrl('canary')).toBe('(not a URL)')
  })
})

describe('JSON for a terminal', () => {
  it('is the same value, in printable characters', () => {
    const value = { id: '\u001b[2J\u009b\u202e\ufeff', text: 'grüezi\n' }
    const line = shownJson(value)
    expect(JSON.parse(line)).toEqual(value)
    expect(line).toMatch(/^[\u0020-\u007e\u00a1-\u00ff]*$/)
    expect(shownJson({ a: 1 }, 2)).toBe('{\n  "a": 1\n}')
  })
})

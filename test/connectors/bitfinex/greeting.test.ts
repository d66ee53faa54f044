import { describe, expect, it } from 'vitest'
import { CONF, INFO, Talk } from './talk.js'

describe('the greeting', () => {
  it('asks for numbers, times and checksums before anything else', () => {
    const talk = new Talk()
    expect(talk.sent()).toEqual([])
    talk.say(INFO)
    expect(talk.sent()).toEqual([{ event: 'conf', flags: 229_376 }])
    expect(talk.harness.ready).toBe(false)
    talk.say(CONF)
    expect(talk.harness.ready).toBe(true)
    expect(talk.harness.events).toEqual([])
  })

  it('that does not come ends the connection', () => {
    const talk = new Talk().wait(16_000)
    expect(talk.harness.reconnects).toEqual(['no greeting from the server'])
  })

  it('without an answer to conf ends the connection', () => {
    const talk = new Talk().say(INFO).wait(16_000)
    expect(talk.harness.reconnects).toEqual(['no answer to conf'])
  })

  it('goes on without proofs where conf is refused, and says so', () => {
    const talk = new Talk().say(INFO).say('{"event":"conf","status":"FAILED","flags":229376}')
    expect(talk.harness.ready).toBe(true)
    expect(talk.of('connection')).toMatchObject([
      { state: 'refused', reason: expect.stringContaining('conf: FAILED') },
    ])
    talk.open('tBTCUSD', 'trade', 5).say('[5,"te",[1,1767225600000,1,2]]')
    expect(talk.of('trade')).toMatchObject([{ id: '1', sequence: null }])
    expect(talk.of('malformed')).toEqual([])
  })

  it('of another version of the protocol is refused', () => {
    const talk = new Talk().say('{"event":"info","version":1.1,"platform":{"status":1}}')
    expect(talk.of('connection')).toMatchObject([
      { state: 'refused', reason: 'the server speaks version 1.1 of the protocol, not 2' },
    ])
    expect(talk.harness.reconnects).toEqual(['the server speaks another protocol'])
    expect(talk.sent()).toEqual([])
  })

  it('of a platform in maintenance is told, and work goes on', () => {
    const talk = new Talk().say(INFO.replace('"status":1', '"status":0')).say(CONF)
    expect(talk.of('connection')).toMatchObject([{ state: 'maintenance' }])
    expect(talk.harness.ready).toBe(true)
  })
})

describe('announcements', () => {
  it('of a restart bring a planned reconnect', () => {
    const talk = new Talk().greet().say('{"event":"info","code":20051,"msg":"Stopping"}')
    expect(talk.harness.reconnects).toEqual(['the server restarts: Stopping'])
    expect(talk.harness.events).toEqual([])
  })

  it('of maintenance make everything suspect until it is asked for again', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'book', 7).open('tBTCUSD', 'trade', 8)
    talk.data(7, '[[10,1,1],[11,1,-1]]').data(8, '[[1,1767225600000,1,10]]')
    talk.say('{"event":"info","code":"20060","msg":"Maintenance"}')
    expect(talk.of('connection')).toMatchObject([{ state: 'maintenance', reason: 'Maintenance' }])
    expect(talk.of('gap')).toMatchObject([
      { channel: 'book', reason: 'stale', state: 'open' },
      { channel: 'trade', reason: 'stale', state: 'open' },
    ])
    expect(talk.book('tBTCUSD').state).toBe('suspect')

    talk.data(7, '[10,1,5]').say('{"event":"info","code":20061,"msg":"Over"}')
    expect(talk.of('book_update')).toEqual([])
    expect(talk.of('connection').at(-1)).toMatchObject({ state: 'ready', reason: 'Over' })
    expect(talk.harness.resubscribes.map(({ channel }) => channel)).toEqual(['book', 'trade'])
    expect(talk.of('gap')).toHaveLength(2)

    talk.sent()
    talk.resubscribe()
    expect(talk.sent()).toEqual([
      { event: 'unsubscribe', chanId: 7 },
      { event: 'unsubscribe', chanId: 8 },
    ])
  })

  it('of an unknown kind are kept for a person to read', () => {
    const talk = new Talk().greet().say('{"event":"info","code":20099,"msg":"?"}')
    expect(talk.of('malformed')).toMatchObject([
      { reason: 'unknown_message', head: '{"event":"info","code":20099,"msg":"?"}' },
    ])
  })
})

describe('frames that nobody expects', () => {
  it.each([
    ['no JSON', 'hello', 'not_json', ''],
    ['neither object nor array', '42', 'schema_mismatch', ''],
    ['an object without an event', '{"a":1}', 'schema_mismatch', 'event'],
    ['an unknown event', '{"event":"weather"}', 'unknown_message', ''],
    ['an array without a channel', '[[1],2,3]', 'unknown_message', ''],
    [
      'an ack without a channel number',
      '{"event":"subscribed","channel":"book"}',
      'schema_mismatch',
      'chanId',
    ],
  ])('%s: one malformed event, and the session lives', (_, frame, reason, path) => {
    const talk = new Talk().greet().say(frame)
    expect(talk.of('malformed')).toMatchObject([{ reason, path, head: frame }])
    expect(talk.harness.reconnects).toEqual([])
    talk.say('{"event":"pong","ts":1,"cid":1}')
    expect(talk.harness.events).toHaveLength(1)
  })

  it('binary ones too', () => {
    const talk = new Talk().greet()
    talk.harness.session.frame(new Uint8Array([1, 2]), talk.now)
    expect(talk.of('malformed')).toMatchObject([{ reason: 'unknown_message' }])
  })

  it('of an account are not public and leave no trace', () => {
    const talk = new Talk().greet().data(0, '"hb"').data(0, '"wu",["exchange","USD",1000]')
    talk.say('{"event":"auth","status":"OK","userId":5}').wait(60_000)
    expect(talk.harness.events).toEqual([])
  })
})

describe('the tail of a frame', () => {
  it('counts with every channel, heartbeats included', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 5).open('tETHUSD', 'trade', 6)
    talk.data(5, '"hb"').data(6, '"hb"').data(5, '"te",[1,1767225600000,1,10]')
    expect(talk.of('trade')).toMatchObject([{ sequence: '3', exchangeTime: 1_767_225_600_000_000 }])
    expect(talk.of('gap')).toEqual([])
  })

  it('that skips a number breaks every stream, before anything else, and the connection is replaced', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 5).open('tETHUSD', 'book', 6)
    talk.data(5, '[]').data(6, '[[10,1,1],[11,1,-1]]')
    talk.lose().data(5, '"te",[1,1767225600000,1,10]')
    const order = talk.harness.events
      .slice(-4)
      .map((event) => [event.type, 'state' in event ? event.state : null])
    expect(order).toEqual([
      ['gap', 'open'],
      ['gap', 'open'],
      ['gap', 'closed'],
      ['trade', null],
    ])
    expect(talk.of('gap').at(0)).toMatchObject({
      reason: 'sequence',
      detail: 'expected sequence 3, got 4',
    })
    expect(talk.book('tETHUSD').state).toBe('suspect')
    expect(talk.harness.reconnects).toEqual(['expected sequence 3, got 4'])
  })

  it('that does not begin at one has lost frames already', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 5)
    talk.lose().data(5, '[]')
    expect(talk.of('gap')).toMatchObject([{ detail: 'expected sequence 1, got 2' }, {}])
  })

  it('repeated is a break as well', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 5)
    talk.data(5, '[]').say('[5,"hb",1,1767225600000]')
    expect(talk.of('gap')).toMatchObject([{ detail: 'expected sequence 2, got 1' }])
  })

  it('is counted on even where the payload is broken', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 5)
    talk.data(5, '[[1,"soon",1,10]]').data(5, '"te",[1,1767225600000,1,10]')
    expect(talk.of('malformed')).toMatchObject([{ reason: 'schema_mismatch', path: '1.0.1' }])
    expect(talk.of('trade')).toHaveLength(1)
    expect(talk.of('gap')).toEqual([])
  })

  it('is counted on behind a kind of frame that nobody knows', () => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 5).data(5, '[]')
    talk.say(`[5,"xx",2,${talk.now / 1000}]`).say(`[5,"xx",[1],null,3,${talk.now / 1000}]`)
    talk.say(`[5,"hb",4,${talk.now / 1000}]`)
    expect(talk.of('malformed').map(({ reason }) => reason)).toEqual(['unknown_message', 'unknown_message'])
    expect(talk.of('gap')).toEqual([])
  })

  it.each([
    ['missing', '[5,"hb"]', '2'],
    ['no number', '[5,"hb",true]', '2'],
    ['a negative number', '[5,"hb",-4,1767225600000]', '2'],
    ['a time that is none', '[5,[],1,"x"]', '3'],
  ])('%s where conf promised it is malformed', (_, frame, path) => {
    const talk = new Talk().greet().open('tBTCUSD', 'trade', 5).say(frame)
    expect(talk.of('malformed')).toMatchObject([{ reason: 'schema_mismatch', path }])
  })
})

import { expect, it } from 'vitest'
import { type FaultPlan, frameFault } from '../../../src/simulator/fault-plan.js'
import { describeFaults } from './fault-worlds.js'
import { Client } from './worlds.js'

describeFaults('of a frame', frameFault, (world) => {
  const match = '^tick 2$'

  async function ticks(until: number, ...faults: FaultPlan['faults']): Promise<string> {
    const client = new Client(await world(...faults))
    await client.has(`tick ${until}`)
    return client.ticks
  }

  it('drop loses it', async () => {
    expect(await ticks(4, { fault: 'drop', match })).toBe('1 3 4')
  })

  it('duplicate repeats it', async () => {
    expect(await ticks(3, { fault: 'duplicate', match, copies: 2 })).toBe('1 2 2 2 3')
  })

  it('reorder lets others overtake it', async () => {
    expect(await ticks(5, { fault: 'reorder', match, by: 2 })).toBe('1 3 4 2 5')
  })

  it('delay keeps the line back, in order', async () => {
    const toy = await world({ fault: 'delay', match, delayMs: 350 })
    const client = new Client(toy)
    await client.has('tick 6')
    expect(client.ticks).toMatch(/^1 2 3 4 5 6\b/)
    const at = (text: string) => client.times[client.texts.indexOf(text)] ?? Number.NaN
    expect(at('tick 2')).toBeGreaterThan(350)
    if (!toy.exact) return
    expect(at('tick 2') - at('tick 1')).toBeGreaterThan(350)
    expect(at('tick 4') - at('tick 2')).toBeLessThan(at('tick 2') - at('tick 1'))
  })

  it('truncate cuts bytes, too', async () => {
    const toy = await world({ fault: 'truncate', nth: 2, keep: 0.25 })
    const client = new Client(toy, { greet: ['binary twelve bytes'] })
    await toy.until(() => client.bytes.length > 0)
    expect(client.bytes[0]?.toString()).toBe('twe')
  })

  it('truncate cuts the text', async () => {
    expect(await ticks(3, { fault: 'truncate', match: '^tick 2', keep: 0.9 })).toBe('1  3')
  })

  it('edit changes the text', async () => {
    expect(await ticks(3, { fault: 'edit', match, find: '\\d', replace: 'NaN' })).toBe('1 NaN 3')
  })

  it.each([
    ['bad-utf8', 1007, 'frame_invalid'],
    ['broken-compression', 1002, 'frame_invalid'],
    ['reserved-opcode', 1002, 'frame_invalid'],
    ['fragment-bomb', 1008, 'frame_invalid'],
    ['oversize', 1009, 'frame_too_large'],
  ] as const)('%s ends the connection with %i', async (fault, code, error) => {
    const client = new Client(await world({ fault, match }))
    const close = await client.end()
    expect(close.code).toBe(code)
    expect(close.error).toMatchObject({ code: error })
    expect(client.ticks).toBe('1')
  })

  it('broken-compression spoils the bytes of a binary frame', async () => {
    const toy = await world({ fault: 'broken-compression', nth: 2 })
    const client = new Client(toy, { greet: ['binary a gzip, say'] })
    await toy.until(() => client.bytes.length === 1)
    const [spoiled = Buffer.alloc(0)] = client.bytes
    expect(spoiled.subarray(0, 3).toString()).toBe('a g')
    expect(spoiled.toString()).not.toBe('a gzip, say')
    expect(spoiled).toHaveLength(11)
  })

  it('an oversize frame that the client would take is never finished', async () => {
    const toy = await world({ fault: 'oversize', match, bytes: 1_000_000 })
    const client = new Client(toy)
    await client.has('tick 1')
    const before = client.texts.length
    await toy.pass(400)
    expect(client.texts.length).toBe(before)
    expect(client.closed).toBeNull()
  })

  it.each(['slice', 'fragment'] as const)('%s leaves the message whole', async (fault) => {
    expect(await ticks(4, { fault })).toBe('1 2 3 4')
  })

  it('cut-mid-frame resets the connection within the frame', async () => {
    const client = new Client(await world({ fault: 'cut-mid-frame', match }))
    expect((await client.end()).code).toBeNull()
    expect(client.ticks).toBe('1')
  })

  it('strikes only the connections that the plan names', async () => {
    const toy = await world({ fault: 'drop', connection: [1], match: 'tick' })
    const zero = new Client(toy)
    await zero.has('tick 1')
    const one = new Client(toy)
    await one.has('ack')
    await zero.has('tick 4')
    expect(one.ticks).toBe('')
  })
})

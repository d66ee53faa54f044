import { describe, expect, test } from 'vitest'
import { RecentIds, StreamMemory, StreamRecord, TRADE_IDS_KEPT } from '../../../src/session/memory.js'
import { HistoryStage, toyTrade } from './history-stage.js'

const trades = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => toyTrade(from + index, (from + index) * 10))
const tradeIds = (memory: StreamMemory) => memory.record('BTCUSD', 'trade').tradeIds

describe('the ids of trades that are remembered', () => {
  test('are the newest ones up to the limit: the oldest is forgotten first, however often it is asked about', () => {
    const ids = new RecentIds(3)
    for (const id of ['a', 'b', 'c']) expect(ids.add(id)).toBe(true)
    expect(ids.add('a')).toBe(false)
    expect([...ids]).toEqual(['a', 'b', 'c'])
    expect(ids.add('d')).toBe(true)
    expect([...ids]).toEqual(['b', 'c', 'd'])
    expect([ids.has('a'), ids.has('b'), ids.size]).toEqual([false, true, 3])
    expect(ids.add('a')).toBe(true)
    expect([...ids]).toEqual(['c', 'd', 'a'])
  })

  test('never become more than the limit', () => {
    const ids = new RecentIds(100)
    for (let id = 0; id < 1_000; id++) {
      ids.add(String(id))
      expect(ids.size).toBe(Math.min(id + 1, 100))
    }
    expect([...ids][0]).toBe('900')
  })

  test('are ten thousand of each stream where nothing else was asked for', () => {
    expect(TRADE_IDS_KEPT).toBe(10_000)
    const ids = tradeIds(new StreamMemory())
    for (let id = 0; id < 10_001; id++) ids.add(String(id))
    expect([ids.size, ids.has('0'), ids.has('1')]).toEqual([10_000, false, true])
  })

  test('are bounded alike for the further connections to a venue', () => {
    const ids = tradeIds(new StreamMemory(2).sibling(false))
    for (const id of ['a', 'b', 'c']) ids.add(id)
    expect([...ids]).toEqual(['b', 'c'])
  })

  test('keep a trade from being emitted twice for as long as they are remembered, and no longer', () => {
    const stage = new HistoryStage({ rest: { pageSize: 100 } }, 5)
    stage.open()
    stage.say('live', trades(1, 5))
    stage.say('live', trades(1, 5))
    expect(stage.said).toEqual(['1', '2', '3', '4', '5'])
    stage.say('live', trades(6, 7))
    stage.say('live', [...trades(3, 3), ...trades(1, 1)])
    expect(stage.said).toEqual(['1', '2', '3', '4', '5', '6', '7', '1'])
    expect(tradeIds(stage.memory).size).toBe(5)
  })

  test('are remembered over a lost connection, and forgotten with the stream', () => {
    const stage = new HistoryStage({ rest: { pageSize: 100 } })
    stage.open()
    stage.say('live', trades(1, 3))
    stage.cut()
    stage.open()
    expect([...tradeIds(stage.memory)]).toEqual(['1', '2', '3'])
    stage.memory.forget('BTCUSD', 'trade')
    expect([...tradeIds(stage.memory)]).toEqual([])
  })
})

describe('the trade up to which a stream is known', () => {
  test('is not taken back by history that comes newest first, and is the later of two at the same time', () => {
    const record = new StreamRecord()
    record.told(toyTrade(5, 50), true)
    record.told(toyTrade(3, 30), true)
    expect(record.lastTrade?.id).toBe('5')
    record.told(toyTrade(6, 50), true)
    expect(record.lastTrade?.id).toBe('6')
  })

  test('is the newest that happens, whatever its time says', () => {
    const record = new StreamRecord()
    record.told(toyTrade(5, 50), false)
    record.told(toyTrade(6, 40), false)
    expect(record.lastTrade?.id).toBe('6')
    record.told({ ...toyTrade(7, 60), exchangeTime: null }, false)
    expect(record.lastTrade?.id).toBe('6')
  })
})

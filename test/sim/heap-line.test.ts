import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/simulator/index.js'
import { heapFloor, heapLine } from './heap-line.js'

const MIB = 1024 * 1024

/** Weights of four minutes, one every two seconds: a slope, and half a mebibyte of scatter either way. */
const weights = (bytesPerSecond: number, random = new SeededRandom(3)) =>
  Array.from({ length: 120 }, (_, index) => ({
    atMs: 150_000 + index * 2_000,
    bytes: 35 * MIB + bytesPerSecond * index * 2 + (random.next() - 0.5) * MIB,
  }))

describe('the line through the weights of a heap', () => {
  test.each([0, 1_024, 4_096, -2_048])('has the slope of the heap, %i bytes a second', (slope) => {
    const line = heapLine(weights(slope))
    const { bytesPerSecond = Number.NaN, errorBytesPerSecond = Number.NaN, seconds } = line ?? {}
    expect(seconds).toBe(238)
    expect(errorBytesPerSecond).toBeLessThan(500)
    expect(Math.abs(bytesPerSecond - slope)).toBeLessThan(3 * errorBytesPerSecond)
  })

  test('is exact where nothing scatters', () => {
    const exact = weights(1_000).map(({ atMs }, index) => ({ atMs, bytes: MIB + 2_000 * index }))
    const { fromBytes, toBytes, bytesPerSecond, errorBytesPerSecond } = heapLine(exact) ?? {}
    expect(bytesPerSecond).toBeCloseTo(1_000, 6)
    expect(errorBytesPerSecond).toBeCloseTo(0, 6)
    expect([fromBytes, toBytes].map((bytes) => Math.round(bytes ?? 0))).toEqual([MIB, MIB + 238_000])
  })

  test('is not drawn through a few', () => {
    expect(heapLine(weights(0).slice(0, 9))).toBeNull()
  })

  test('rests on the least weight of each span, whatever was on its way at the others', () => {
    const weights = Array.from({ length: 400 }, (_, second) => ({
      atMs: second * 1_000,
      bytes: 1_000_000 + second * 100 + (second % 10 === 3 ? 0 : (second * 7_919) % 500_000),
    }))
    const floor = heapFloor(weights, 10_000)
    expect(floor).toHaveLength(40)
    expect(heapLine(floor)?.bytesPerSecond).toBeCloseTo(100, 6)
  })
})

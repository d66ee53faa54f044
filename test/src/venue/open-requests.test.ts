import { expect, test } from 'vitest'
import { OpenRequests } from '../../../src/venue/index.js'

test('an answer takes its request, once', () => {
  const requests = new OpenRequests<string>()
  const id = String(requests.next())
  requests.keep(id, 'book')
  expect(requests.next()).toBe(2)
  expect(requests.take(undefined)).toBeNull()
  expect(requests.take(id)).toBe('book')
  expect(requests.take(id)).toBeNull()
})

test('requests that nobody answers are forgotten, oldest first', () => {
  const requests = new OpenRequests<number>()
  for (let id = 0; id < 2_001; id++) requests.keep(String(id), id)
  expect(requests.take('0')).toBeNull()
  expect(requests.take('1')).toBe(1)
  expect(requests.take('2000')).toBe(2_000)
})

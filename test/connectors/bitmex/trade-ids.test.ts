import { describe, expect, it } from 'vitest'
import { TradeIds } from '../../../connectors/bitmex/trade-ids.js'

const row = (trdMatchID: string, size: string) => ({ symbol: 'XBTUSD', price: '1', size, trdMatchID })

describe('the ids of trades', () => {
  it('remember the first rows of the last two thousand matches, and no more', () => {
    const ids = new TradeIds()
    ids.of([row('first', '1')])
    ids.of(Array.from({ length: 1999 }, (_, index) => row(`m${index}`, '1')))
    expect(ids.of([row('first', '2')])).toEqual(['first/1/2/'])
    ids.of([row('one more', '1')])
    expect(ids.of([row('first', '2')])).toEqual(['first'])
  })

  it('are the same for the same numbers in another notation, as history has them', () => {
    const ids = new TradeIds()
    expect(ids.of([{ ...row('match', '200'), price: '339665e-1' }])).toEqual(['match'])
    expect(ids.of([{ ...row('match', '2e2'), price: '33966.50' }])).toEqual(['match'])
  })
})

import { confAnswers, nameList, nameMap } from '../../schemas/bitfinex.js'
import type { Catalogue, HttpResponse, Instrument } from '../../src/connector.js'
import { checker, readLossless } from '../../src/decode/index.js'
import { DecodeError } from '../../src/errors.js'
import { type CurrencyNames, fundingInstrument, isPaper, pairInstrument, splitPair } from './symbols.js'

const SPOT_LISTS = ['pub:list:pair:exchange', 'pub:list:pair:margin', 'pub:list:pair:securities']
/** Without the `s` until about 2021. */
const FUTURES_LISTS = ['pub:list:pair:futures', 'pub:list:pair:future']
const SHOWN = 'pub:map:currency:sym'
const UNDERLYING = 'pub:map:currency:undl'

const WANTED = ['pub:list:pair:exchange', 'pub:list:pair:margin', 'pub:list:pair:futures', SHOWN, UNDERLYING]

const checkAnswers = checker(confAnswers)
const checkList = checker(nameList)
const checkMap = checker(nameMap)

/**
 * How Bitfinex lists its instruments: one call of `conf` with several keys, which answers with one element for each.
 * There is no status column: what is listed trades. A currency that can be borrowed for margin has a funding market.
 *
 * @param includePaper whether the markets for play are listed too.
 */
export function bitfinexCatalogue(includePaper: boolean): Catalogue {
  return {
    requests(endpoints) {
      const rest = endpoints[0]?.rest ?? null
      if (rest === null) return []
      return [{ id: 'catalogue', method: 'GET', url: `${rest}/v2/conf/${WANTED.join(',')}` }]
    },
    read(response) {
      const answers = readAnswers(response)
      if (answers === null) return null
      const names: CurrencyNames = {
        shown: new Map(answers.map(SHOWN).map(([code, name]) => [code, name])),
        underlying: new Map(answers.map(UNDERLYING).map(([code, name]) => [code, name])),
      }
      const spot = SPOT_LISTS.flatMap((key) => answers.list(key))
      const perpetual = FUTURES_LISTS.flatMap((key) => answers.list(key))
      const funded = new Set(answers.list('pub:list:pair:margin').flatMap((pair) => splitPair(pair) ?? []))
      const instruments: Instrument[] = []
      for (const pair of new Set([...spot, ...perpetual])) {
        if (isPaper(pair) && !includePaper) continue
        const instrument = pairInstrument(pair, 'open', names)
        if (instrument !== null) instruments.push(instrument)
      }
      for (const code of funded) {
        if (!isPaper(code) || includePaper) instruments.push(fundingInstrument(code, 'open', names))
      }
      return instruments
    },
  }
}

interface Answers {
  list(key: string): readonly string[]
  map(key: string): readonly (readonly [string, string, ...unknown[]])[]
}

/** The answer of a `conf` call by key; null where the call asked for no list of pairs. */
function readAnswers(response: HttpResponse): Answers | null {
  const path = /\/conf\/([^?#]+)/.exec(response.url)?.[1]
  if (path === undefined) return null
  const keys = decodeURIComponent(path).split(',')
  if (!keys.some((key) => SPOT_LISTS.includes(key) || FUTURES_LISTS.includes(key))) return null
  const { body } = response
  const answers = checkAnswers(readLossless(body), body)
  return {
    list: (key) => checkAt(checkList, keys.indexOf(key)),
    map: (key) => checkAt(checkMap, keys.indexOf(key)),
  }

  function checkAt<T>(check: (value: unknown, frame: string) => T[], index: number): T[] {
    if (index === -1) return []
    try {
      return check(answers[index], body)
    } catch (error) {
      throw error instanceof DecodeError ? error.within(body, [index]) : error
    }
  }
}

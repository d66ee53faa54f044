import { type HuobiContract, huobiContracts, huobiSettings, huobiSymbols } from '../../schemas/huobi.js'
import type { Catalogue, Instrument } from '../../src/connector.js'
import { canonicalDecimal, decoder } from '../../src/decode/index.js'
import type { Endpoints } from './endpoints.js'
import { contractInstrument, type Family, spotInstrument } from './symbols.js'

const readSymbols = decoder(huobiSymbols)
const readSettings = decoder(huobiSettings)
const readContracts = decoder(huobiContracts)

/** The call that lists each family. */
const LISTS: Readonly<Record<Family, string>> = {
  spot: '/v1/common/symbols',
  futures: '/api/v1/contract_contract_info',
  swap: '/swap-api/v1/swap_contract_info',
  linear: '/linear-swap-api/v1/swap_contract_info?business_type=all',
}

/** @param families those that the user's symbols belong to: a host that is not needed is not asked. */
export function huobiCatalogue(endpoints: Endpoints, families: readonly Family[]): Catalogue {
  return {
    requests: () =>
      families.map((family) => ({
        id: `instruments ${family}`,
        method: 'GET',
        url: `${endpoints.rest(family)}${LISTS[family]}`,
      })),
    read(response) {
      const list = reader(response.url)
      return list === null ? null : list(response.body)
    },
  }
}

function reader(url: string): ((body: string) => Instrument[]) | null {
  const path = url.replace(/[?#].*$/, '')
  if (path.endsWith('/v1/common/symbols')) return spotList
  if (path.endsWith('/v2/settings/common/symbols')) return settingsList
  if (/\/(?:contract|swap)_contract_info$/.test(path)) return contractList
  return null
}

function spotList(body: string): Instrument[] {
  return readSymbols(body).data.map((row) =>
    spotInstrument(row.symbol, row['base-currency'], row['quote-currency'], {
      status: spotStatus(row.state),
      tickSize: unit(row['price-precision']),
      lotSize: unit(row['amount-precision']),
    }),
  )
}

function settingsList(body: string): Instrument[] {
  return readSettings(body).data.map((row) =>
    spotInstrument(row.sc, row.bc, row.qc, {
      status: spotStatus(row.state),
      tickSize: unit(row.tpp),
      lotSize: unit(row.tap),
    }),
  )
}

/** Options stand in no list that is read here; a code that is no contract's is left out. */
function contractList(body: string): Instrument[] {
  return readContracts(body)
    .data.map(listedContract)
    .filter((instrument) => instrument !== null)
}

/** What a row of a contract list (or of the `contract_info` topic) says. */
export function listedContract(row: HuobiContract): Instrument | null {
  return contractInstrument(row.contract_code, {
    status: contractStatus(row.contract_status),
    tickSize: canonicalDecimal(row.price_tick),
    contractSize: canonicalDecimal(row.contract_size),
    expiry: row.delivery_time ? Number(row.delivery_time) * 1000 : null,
  })
}

/** not-online, pre-online, online, suspend, offline, transfer-board, fuse. */
function spotStatus(state: string): Instrument['status'] {
  if (state === 'online') return 'open'
  return state === 'offline' || state === 'not-online' ? 'closed' : 'halted'
}

/** 0 delisted, 1 listed, 2 pending, 3 suspended, 4 suspending, 5 settling, 6 delivering, 7 settled, 8 delivered. */
function contractStatus(status: number): Instrument['status'] {
  if (status === 1) return 'open'
  return status === 0 || status === 8 ? 'closed' : 'halted'
}

/** The smallest step at so many decimals. */
function unit(decimals: number): string {
  return canonicalDecimal(`1E-${decimals}`)
}

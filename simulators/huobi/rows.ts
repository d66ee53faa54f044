import { rateAt } from './figures.js'
import type { HuobiInstrument } from './instruments.js'

const EIGHT_HOURS_MS = 8 * 3_600_000

/** A row of a contract list and of `contract_info`: sizes with eighteen decimals, as the venue prints them. */
export function contractRow({ facts, status }: HuobiInstrument): string {
  const { id, base, quote, shape, contractSize, delivery, family } = facts
  const row: string[] = [
    `"symbol":"${base}"`,
    `"contract_code":"${id}"`,
    `"contract_size":${padded(contractSize ?? '1')}`,
    `"price_tick":${padded(tickSize(shape.priceDecimals))}`,
    `"delivery_date":"${delivery === null ? '' : new Date(delivery).toISOString().slice(0, 10).replaceAll('-', '')}"`,
    `"delivery_time":"${delivery ?? ''}"`,
    `"create_date":"20201021"`,
    `"contract_status":${status === 'open' ? 1 : status === 'suspended' ? 3 : 0}`,
    `"settlement_date":"1645315200000"`,
    `"contract_type":"${delivery === null ? 'swap' : 'quarter'}"`,
  ]
  if (family === 'linear') {
    row.push(
      `"support_margin_mode":"all"`,
      `"business_type":"${delivery === null ? 'swap' : 'futures'}"`,
      `"pair":"${base}-${quote}"`,
      `"trade_partition":"USDT"`,
    )
  }
  return `{${row.join()}}`
}

function tickSize(decimals: number): string {
  return decimals === 0 ? '1' : `0.${'0'.repeat(decimals - 1)}1`
}

function padded(value: string): string {
  const [whole = '0', fraction = ''] = value.split('.')
  return `${whole}.${fraction.padEnd(18, '0')}`
}

/** A row of `funding_rate` on the notification sockets. A rate of nothing is printed `0E-18`. */
export function fundingRow(instrument: HuobiInstrument, ms: number): string {
  const { facts, counter } = instrument
  const rate = counter % 50n === 0n ? '0E-18' : rateAt(instrument, ms)
  const estimated = counter % 2n === 0n ? 'null' : '"null"'
  const paid = nextPayment(ms)
  return (
    `{"symbol":"${facts.base}","contract_code":"${facts.id}","fee_asset":"${facts.quote}","funding_time":"${ms}",` +
    `"funding_rate":"${rate}","estimated_rate":${estimated},"settlement_time":"${paid}","trade_partition":"USDT"}`
  )
}

/** When the rate of now is paid: 00, 08 and 16 hours UTC. */
export function nextPayment(ms: number): number {
  return (Math.floor(ms / EIGHT_HOURS_MS) + 1) * EIGHT_HOURS_MS
}

import type { PendingFaults } from './pending-faults.js'

/** A price as it is printed, unless a fault spoils it. @param nan how the protocol prints what is no number */
export function spoiltPrice(faults: PendingFaults, printed: string, nan = 'NaN'): string {
  if (faults.take('price-null')) return 'null'
  if (faults.take('price-nan')) return nan
  return faults.take('price-exponent') ? withExponent(printed) : printed
}

/** The same value as an integer with an exponent: 65000.5 is 650005E-1. */
export function withExponent(number: string): string {
  const [mantissa = '', exponent = '0'] = number.split(/e/i)
  const [whole = '', fraction = ''] = mantissa.split('.')
  return `${BigInt(whole + fraction)}E${Number(exponent) - fraction.length}`
}

/** An id of twenty-one digits that is another one for each id. */
export function longId(id: string): string {
  return `9${id.replace(/\D/g, '').slice(-20).padStart(20, '0')}`
}

/**
 * A decimal as the venue's Java prints a double: plain from 1e-3 to 1e7 with at least one fraction digit, else `d.dE-n`.
 */
export function javaNumber(canonical: string): string {
  const sign = canonical.startsWith('-') ? '-' : ''
  const [whole = '0', fraction = ''] = canonical.slice(sign.length).split('.')
  if (whole === '0' && fraction !== '') {
    const zeros = fraction.length - fraction.replace(/^0+/, '').length
    if (zeros < 3) return canonical
    return `${sign}${scientific(fraction.slice(zeros), -(zeros + 1))}`
  }
  if (whole.length <= 7) return `${sign}${whole}.${fraction === '' ? '0' : fraction}`
  return `${sign}${scientific(whole + fraction, whole.length - 1)}`
}

function scientific(digits: string, exponent: number): string {
  const rest = digits.slice(1).replace(/0+$/, '')
  return `${digits.slice(0, 1)}.${rest === '' ? '0' : rest}E${exponent}`
}

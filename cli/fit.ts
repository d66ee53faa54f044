import stringWidth from 'string-width'

const segmenter = new Intl.Segmenter()

/** Text without styles in exactly so many columns: padded, or cut with an ellipsis. */
export function fitText(text: string, width: number): string {
  const wide = stringWidth(text)
  if (wide <= width) return text + ' '.repeat(width - wide)
  if (width < 1) return ''
  let [cut, used] = ['', 0]
  for (const { segment } of segmenter.segment(text)) {
    const columns = stringWidth(segment)
    if (used + columns > width - 1) break
    cut += segment
    used += columns
  }
  return `${cut}…${' '.repeat(width - 1 - used)}`
}

/**
 * A decimal in no more than so many columns: decimals are cut off first, then it is written with an exponent, so that no
 * number ever looks smaller than it is.
 */
export function fitNumber(decimal: string, width: number): string {
  if (decimal.length <= width) return decimal
  const point = decimal.indexOf('.')
  const whole = point === -1 ? decimal : decimal.slice(0, point)
  if (whole.length <= width) return decimal.slice(0, width).replace(/\.$/, '')
  const exponent = Number(decimal).toExponential()
  const room = width - (exponent.length - exponent.indexOf('e')) - 2
  return Number(decimal)
    .toExponential(Math.max(0, Math.min(room, 9)))
    .padStart(width)
    .slice(-width)
}

/** Decimals with the same number of decimal places, so that their points stand beneath each other. */
export function sameScale(decimals: readonly string[]): string[] {
  const places = decimals.map((decimal) => decimal.split('.')[1]?.length ?? 0)
  const most = Math.max(0, ...places)
  return decimals.map((decimal, at) => {
    const missing = most - (places[at] ?? 0)
    return missing === 0 ? decimal : `${decimal}${places[at] === 0 ? '.' : ''}${'0'.repeat(missing)}`
  })
}

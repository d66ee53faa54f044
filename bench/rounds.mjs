/**
 * Times rivals in turn, A B A B …, so that a machine that slows down slows both; gives the median of each and of the ratio
 * pair by pair. Absolute times are this machine's at this moment: quote the ratio.
 */
export async function race(rivals, rounds = 9) {
  const names = Object.keys(rivals)
  const times = Object.fromEntries(names.map((name) => [name, []]))
  for (const name of names) await rivals[name]()
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const start = process.hrtime.bigint()
      await rivals[name]()
      times[name].push(Number(process.hrtime.bigint() - start) / 1e9)
    }
  }
  const [base, ...others] = names
  return {
    seconds: Object.fromEntries(names.map((name) => [name, median(times[name])])),
    /** How fast each is, as a fraction of the first. */
    ratio: Object.fromEntries(
      others.map((name) => [name, median(times[base].map((time, at) => time / times[name][at]))]),
    ),
  }
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

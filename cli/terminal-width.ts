/** The width of output that goes to no terminal, unless `COLUMNS` says otherwise. */
const USUAL_WIDTH = 80

/** Columns of the terminal behind `stream`; where it is none, what the variable `COLUMNS` says, else 80. */
export function terminalWidth(stream: NodeJS.WriteStream = process.stdout): number {
  return knownWidth(stream) ?? USUAL_WIDTH
}

/** The same, and null where nothing says how wide it is. */
export function knownWidth(stream: NodeJS.WriteStream): number | null {
  if (stream.isTTY && stream.columns > 0) return stream.columns
  const columns = Number(process.env['COLUMNS'])
  return Number.isInteger(columns) && columns > 0 ? columns : null
}

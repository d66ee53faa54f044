/** One thing that happened, as a person would be told of it. */
export interface Line {
  readonly venue: string
  /** Null for what concerns the venue as a whole. */
  readonly stream: string | null
  /** A trade or a change of a book: of many that are alike the last few are enough. */
  readonly common: boolean
  /** Made only where it is shown. */
  readonly text: () => string
}

const LINES_SHOWN = 15
const COMMON_SHOWN = 4

interface Told {
  readonly order: number
  readonly line: Line
}

/** The last lines of one stream, or of one venue as a whole. */
class LastLines {
  readonly common: Told[] = []
  readonly rare: Told[] = []

  add(told: Told): void {
    const [kept, most] = told.line.common ? [this.common, COMMON_SHOWN] : [this.rare, LINES_SHOWN]
    kept.push(told)
    if (kept.length > most) kept.shift()
  }
}

/** What happened last, of each stream and of each venue: no more of it than is shown when a run fails. */
export class Story {
  readonly #last = new Map<string, Map<string | null, LastLines>>()
  #order = 0

  note(line: Line): void {
    let streams = this.#last.get(line.venue)
    if (streams === undefined) {
      streams = new Map()
      this.#last.set(line.venue, streams)
    }
    let last = streams.get(line.stream)
    if (last === undefined) {
      last = new LastLines()
      streams.set(line.stream, last)
    }
    last.add({ order: this.#order++, line })
  }

  /** The last lines of a stream and of its venue, oldest first. */
  about(venue: string, stream: string): string[] {
    const streams = this.#last.get(venue)
    const lasts = [streams?.get(stream), streams?.get(null)].filter((last) => last !== undefined)
    const inOrder = (told: readonly Told[]) => told.toSorted((a, b) => a.order - b.order)
    const common = inOrder(lasts.flatMap((last) => last.common)).slice(-COMMON_SHOWN)
    return inOrder([...common, ...lasts.flatMap((last) => last.rare)])
      .slice(-LINES_SHOWN)
      .map(({ line }) => line.text())
  }
}

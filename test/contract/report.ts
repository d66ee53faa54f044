import Table from 'cli-table3'

type Mark = { readonly state: 'passed' | 'failed' } | { readonly state: 'skipped'; readonly reason: string }

/** Venues by cards: what passed, and what is skipped for which reason. Printed where CONTRACT_REPORT is set. */
export class Report {
  readonly #titles = new Map<number, string>()
  readonly #marks = new Map<string, Map<number, Mark>>()

  /** A card that begins has failed until it has passed. */
  began(card: number, title: string, venue: string): void {
    this.#titles.set(card, title)
    this.#mark(venue).set(card, { state: 'failed' })
  }

  passed(card: number, venue: string): void {
    this.#mark(venue).set(card, { state: 'passed' })
  }

  skipped(card: number, title: string, venue: string, reason: string): void {
    this.#titles.set(card, title)
    this.#mark(venue).set(card, { state: 'skipped', reason })
  }

  print(): void {
    if (process.env['CONTRACT_REPORT'] === undefined) return
    const venues = [...this.#marks.keys()]
    const table = new Table({ head: ['card', ...venues], style: { head: [], border: [] } })
    const reasons: string[] = []
    for (const [card, title] of [...this.#titles].sort(([a], [b]) => a - b)) {
      table.push([
        `${card}. ${title}`,
        ...venues.map((venue) => {
          const mark = this.#marks.get(venue)?.get(card)
          if (mark?.state !== 'skipped') return mark?.state ?? ''
          reasons.push(`${venue} skips ${card}: ${mark.reason}`)
          return 'skipped'
        }),
      ])
    }
    process.stdout.write(`${table.toString()}\n${reasons.join('\n')}\n`)
  }

  #mark(venue: string): Map<number, Mark> {
    const marks = this.#marks.get(venue) ?? new Map<number, Mark>()
    this.#marks.set(venue, marks)
    return marks
  }
}

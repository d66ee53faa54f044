import type { Micros } from '../../schemas/events.js'

/** Something that is to happen. */
export interface Appointment {
  readonly at: Micros
  /** Takes it off the agenda; without effect once it happened. */
  cancel(): void
}

interface Entry {
  readonly at: Micros
  /** Counts up: what was entered first happens first among equals. */
  readonly order: number
  readonly run: (at: Micros) => void
  /** Where it stands in the heap; -1 once it is off. */
  index: number
}

/**
 * What is to happen, in order of time: a binary heap from which an entry can be taken out again without leaving anything
 * behind, so that a watchdog that is moved with every message costs no memory.
 */
export class Agenda {
  readonly #heap: Entry[] = []
  #order = 0

  add(at: Micros, run: (at: Micros) => void): Appointment {
    const entry: Entry = { at, order: this.#order++, run, index: this.#heap.length }
    this.#heap.push(entry)
    this.#rise(entry)
    return { at, cancel: () => this.#remove(entry) }
  }

  /** When the next thing happens; null where nothing will. */
  get next(): Micros | null {
    return this.#heap[0]?.at ?? null
  }

  get size(): number {
    return this.#heap.length
  }

  /** Takes the next entry off; its `run` is the caller's to call. */
  take(): { readonly at: Micros; readonly run: (at: Micros) => void } | null {
    const first = this.#heap[0]
    if (first === undefined) return null
    this.#remove(first)
    return first
  }

  /** Runs everything that is due, in order, with what it adds on the way. Each is told the time that it was entered for. */
  runUntil(at: Micros): void {
    for (let next = this.next; next !== null && next <= at; next = this.next) {
      const due = this.take()
      due?.run(due.at)
    }
  }

  clear(): void {
    for (const entry of this.#heap) entry.index = -1
    this.#heap.length = 0
  }

  #remove(entry: Entry): void {
    const { index } = entry
    if (index === -1) return
    entry.index = -1
    const last = this.#heap.pop()
    if (last === undefined || last === entry) return
    this.#place(last, index)
    this.#rise(last)
    this.#sink(last)
  }

  #rise(entry: Entry): void {
    while (entry.index > 0) {
      const parent = this.#heap[(entry.index - 1) >> 1]
      if (parent === undefined || !before(entry, parent)) return
      this.#swap(entry, parent)
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = this.#heap[entry.index * 2 + 1]
      const right = this.#heap[entry.index * 2 + 2]
      if (left === undefined) return
      const child = right !== undefined && before(right, left) ? right : left
      if (!before(child, entry)) return
      this.#swap(entry, child)
    }
  }

  #swap(a: Entry, b: Entry): void {
    const { index } = a
    this.#place(a, b.index)
    this.#place(b, index)
  }

  #place(entry: Entry, index: number): void {
    entry.index = index
    this.#heap[index] = entry
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

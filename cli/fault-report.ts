import pc from 'picocolors'
import type { Micros } from '../schemas/events.js'
import { type FaultStrike, faultName } from '../src/simulator/index.js'
import { say } from './output.js'

/** A fault that strikes every frame is reported no more often than this. */
const QUIET: Micros = 1_000_000

interface Tally {
  readonly name: string
  readonly struck: boolean
  count: number
  reported: number
  reportedAt: Micros
}

/** Says on stderr what a fault plan does: each fault the first time, then about once a second how often it was, and the sum. */
export class FaultReport {
  readonly #began: Micros
  readonly #tallies = new Map<string, Tally>()

  constructor(began: Micros) {
    this.#began = began
  }

  tell({ at, fault, connection, struck }: FaultStrike): void {
    const name = faultName(fault)
    const key = `${name} ${struck}`
    const tally = this.#tallies.get(key) ?? { name, struck, count: 0, reported: 0, reportedAt: at - QUIET }
    this.#tallies.set(key, tally)
    tally.count++
    if (at - tally.reportedAt < QUIET) return
    const seconds = ((at - this.#began) / 1_000_000).toFixed(3)
    const where = connection === null ? '' : `, connection ${connection}`
    const times = tally.count - tally.reported
    const often = times === 1 ? '' : `, ${times} times`
    print(`${seconds} s: ${name} ${struck ? 'struck' : 'missed'}${where}${often}`)
    tally.reported = tally.count
    tally.reportedAt = at
  }

  sum(): void {
    const tallies = [...this.#tallies.values()]
    const parts = tallies.map(({ name, struck, count }) => `${name} ${struck ? 'struck' : 'missed'} ${count}`)
    print(`faults: ${parts.length === 0 ? 'none struck' : parts.join(', ')}`)
  }
}

function print(line: string): void {
  say(pc.dim(line))
}

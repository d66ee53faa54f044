import type { Micros } from '../../schemas/events.js'
import { NETWORK } from './network-defaults.js'

const TURN_MICROS = NETWORK.turnMs * 1000

/** When frames began to be read in this turn of the event loop, by any socket of the process; null before the first. */
let began: Micros | null = null

/**
 * Whether frames have been read for too long in this turn of the event loop. One chunk of the network may hold thirty thousand frames,
 * and Node reads up to thirty-two chunks before anything else gets a turn.
 *
 * @param at the time now, as the clock of the frames tells it.
 */
export function turnIsOver(at: Micros): boolean {
  if (began === null) {
    began = at
    setImmediate(() => {
      began = null
    })
  }
  return at - began >= TURN_MICROS
}

/** Runs when everything else that waits for the event loop has had its turn. */
export function inNextTurn(run: () => void): void {
  setImmediate(run)
}

import type { LevelMove, MarketTrade, SimulatedMarket } from '../../src/simulator/index.js'

export interface Pace {
  /** Steps that are taken at once. */
  readonly steps: number
  /** In one of so many turns of the market; it rests in the others. */
  readonly everyTurns: number
}

/**
 * Makes a market take many steps at once, told as one: every trade, and of each level what became of it in the end. So there
 * are many trades for few frames.
 */
export function hurry(market: SimulatedMarket, pace: () => Pace): void {
  const step = market.step.bind(market)
  let turns = 0
  market.step = (now) => {
    const { steps, everyTurns } = pace()
    const moves = new Map<string, LevelMove>()
    const trades: MarketTrade[] = []
    for (let count = turns++ % everyTurns === 0 ? steps : 0; count > 0; count--) {
      const moved = step(now)
      trades.push(...moved.trades)
      for (const move of moved.moves) {
        const level = `${move.side} ${move.price}`
        const { previous } = moves.get(level) ?? move
        moves.set(level, { ...move, previous })
      }
    }
    return { moves: [...moves.values()].filter(({ previous, amount }) => previous !== amount), trades }
  }
}

import { SingleBar } from 'cli-progress'
import { createLogUpdate } from 'log-update'
import pc from 'picocolors'
import type { MarketEvent } from '../schemas/events.js'
import type { Timer } from '../src/platform.js'
import { systemClock } from '../src/socket/clock.js'
import { showDuration } from './duration.js'
import { say } from './output.js'
import { every } from './timers.js'

const REFRESH_MS = 200

/**
 * What long work shows on stderr: a bar where its end is known, else a line; nothing but notices where stderr is no
 * terminal.
 */
export class Progress {
  readonly #clock = systemClock()
  readonly #started = this.#clock.monotonic()
  readonly #durationMs: number | null
  readonly #bar: SingleBar | null = null
  readonly #line: ReturnType<typeof createLogUpdate> | null = null
  readonly #timer: Timer | null = null
  #events = 0
  #gaps = 0
  #malformed = 0

  /** @param durationMs how long the work will take; null where nobody knows. */
  constructor(durationMs: number | null) {
    this.#durationMs = durationMs
    if (!process.stderr.isTTY) return
    if (durationMs === null) this.#line = createLogUpdate(process.stderr)
    else {
      this.#bar = new SingleBar({
        format: '{bar} {elapsed} of {whole}  {note}',
        stream: process.stderr,
        hideCursor: true,
        barsize: 24,
      })
      this.#bar.start(durationMs, 0, { elapsed: showDuration(0), whole: showDuration(durationMs), note: '' })
    }
    this.#timer = every(this.#clock, REFRESH_MS, () => this.#draw())
  }

  count(event: MarketEvent): void {
    this.#events++
    if (event.type === 'gap' && event.state === 'open') this.#gaps++
    else if (event.type === 'malformed') this.#malformed++
    else if (event.type === 'connection' && (event.state === 'refused' || event.state === 'reconnecting')) {
      this.say(`${event.venue} ${event.connection}: ${event.state}, ${event.reason ?? ''}`)
    }
  }

  /** A notice, above the bar. */
  say(text: string): void {
    this.#line?.clear()
    say(pc.yellow(text))
  }

  done(): void {
    if (this.#timer === null) return
    this.#timer.cancel()
    this.#draw()
    this.#bar?.stop()
    this.#line?.done()
  }

  #draw(): void {
    const elapsed = this.#elapsedMs
    const note = this.#note
    this.#line?.(`${showDuration(elapsed)}  ${note}`)
    this.#bar?.update(Math.min(elapsed, this.#durationMs ?? elapsed), {
      elapsed: showDuration(elapsed),
      note,
    })
  }

  get #elapsedMs(): number {
    return (this.#clock.monotonic() - this.#started) / 1000
  }

  get #note(): string {
    const rate = Math.round(this.#events / Math.max(0.001, this.#elapsedMs / 1000))
    const faults = [
      this.#gaps > 0 ? pc.yellow(`${this.#gaps} gaps`) : '',
      this.#malformed > 0 ? pc.red(`${this.#malformed} malformed`) : '',
    ].filter((text) => text !== '')
    return [`${this.#events.toLocaleString('en')} events`, `${rate.toLocaleString('en')}/s`, ...faults].join(
      '  ',
    )
  }
}

/** A bar for work on something whose size is known, such as files; silent where stderr is no terminal. */
export class SizeProgress {
  readonly #bar: SingleBar | null = null
  readonly #timer: Timer | null = null
  readonly #position: () => number = () => 0

  /** @param position how much of `size` is done; asked a few times a second. */
  constructor(size: number, position: () => number) {
    if (!process.stderr.isTTY) return
    const bar = new SingleBar({
      format: '{bar} {percentage} %  {eta_formatted} left',
      stream: process.stderr,
      hideCursor: true,
      barsize: 24,
    })
    bar.start(size, 0)
    this.#bar = bar
    this.#position = position
    this.#timer = every(systemClock(), REFRESH_MS, () => this.draw())
  }

  /** For work that leaves the timer no turn. */
  draw(): void {
    this.#bar?.update(this.#position())
  }

  done(): void {
    this.#timer?.cancel()
    this.#bar?.update(this.#bar.getTotal())
    this.#bar?.stop()
  }
}

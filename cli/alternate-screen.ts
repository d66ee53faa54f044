const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l'
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR = '\u001b[2J'
const CLEAR_LINE = '\u001b[K'

/** Columns and rows of a terminal that does not say. */
const USUAL = { columns: 80, rows: 24 }

/** What a screen shows: lines that fit, in a terminal of that size. */
export type Draw = (columns: number, rows: number) => readonly string[]

/**
 * The terminal's second screen, which programs such as `less` use: what stood on the first is there again afterwards. It is
 * left at every end of the process but SIGKILL, and while the process is stopped.
 */
export class AlternateScreen {
  readonly #stream: NodeJS.WriteStream
  readonly #draw: Draw
  readonly #onResize = () => this.#redraw()
  readonly #onExit = () => this.leave()
  readonly #onStop = () => {
    this.#stream.write(LEAVE)
    process.kill(process.pid, 'SIGSTOP')
  }
  readonly #onContinue = () => {
    this.#stream.write(ENTER)
    this.#redraw()
  }
  #entered = false

  constructor(stream: NodeJS.WriteStream, draw: Draw) {
    this.#stream = stream
    this.#draw = draw
  }

  enter(): void {
    this.#entered = true
    this.#stream.write(ENTER)
    this.#stream.on('resize', this.#onResize)
    process.on('exit', this.#onExit)
    process.on('SIGTSTP', this.#onStop)
    process.on('SIGCONT', this.#onContinue)
    this.#redraw()
  }

  leave(): void {
    if (!this.#entered) return
    this.#entered = false
    this.#stream.off('resize', this.#onResize)
    process.off('exit', this.#onExit)
    process.off('SIGTSTP', this.#onStop)
    process.off('SIGCONT', this.#onContinue)
    this.#stream.write(LEAVE)
  }

  draw(): void {
    // A terminal that does not keep up is given no more to draw.
    if (!this.#entered || this.#stream.writableNeedDrain) return
    const { columns = USUAL.columns, rows = USUAL.rows } = this.#stream
    const lines = this.#draw(columns || USUAL.columns, rows || USUAL.rows)
    // Each line is cleared before it is drawn: after a line as wide as the terminal, clearing would take its last character.
    this.#stream.write(`${HOME}${lines.map((line) => CLEAR_LINE + line).join('\r\n')}`)
  }

  /** After a change of size the terminal may have moved anything anywhere. */
  #redraw(): void {
    this.#stream.write(CLEAR)
    this.draw()
  }
}

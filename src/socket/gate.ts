/** A promise, and the call that fulfils it. */
export class Gate {
  readonly opened: Promise<void>
  #resolve: () => void = () => {}

  constructor() {
    this.opened = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  open(): void {
    this.#resolve()
  }
}

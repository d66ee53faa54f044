import type { Stream } from '../../src/venue/index.js'
import type { Sides } from './rows.js'

/** Levels a side of an image of a deep book. */
export const WINDOW = 300

/**
 * The images of books. Nothing numbers them; but changes reach the client about a second behind the image that has them, so that two
 * images which differ, with no change from before the first of them until after the second, show that changes no longer come.
 */
export class Images {
  readonly #streams = new Map<Stream, { changes: number; differed: boolean }>()

  /** A change of the book came. */
  changed(stream: Stream): void {
    const held = this.#streams.get(stream)
    if (held !== undefined) held.changes++
  }

  /** @returns whether this image shows that the changes of the book no longer come. */
  unexplained(stream: Stream, image: Sides): boolean {
    const { book } = stream.record
    const held = this.#streams.get(stream)
    const still = held !== undefined && held.changes === 0
    const differs = book.state === 'live' && best(book.top(WINDOW)) !== best(image)
    this.#streams.set(stream, { changes: 0, differed: still && differs })
    return still && held.differed
  }

  forget(stream: Stream): void {
    this.#streams.delete(stream)
  }
}

function best({ bids, asks }: Sides): string {
  return JSON.stringify([bids.slice(0, WINDOW), asks.slice(0, WINDOW)])
}

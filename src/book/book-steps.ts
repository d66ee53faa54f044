/**
 * `syncing`: no snapshot yet. `live`: every change since the snapshot was applied and nothing speaks against it.
 * `suspect`: a hole or a contradiction; the levels are those of the last moment it was live. `closed`: the stream was given up, or
 * the feed has ended; the levels are the last that were emitted.
 */
export type BookState = 'syncing' | 'live' | 'suspect' | 'closed'

/** `snapshot`: a whole book came. `gap`: a gap opens. `outgrown`: it has more than a book may have, and is emptied. `over`: no more of it comes. */
export type BookStep = 'snapshot' | 'gap' | 'outgrown' | 'over'

/** What a book becomes by each step; one that is not named leaves it as it is. */
export const BOOK_STEPS: Readonly<Record<BookState, Readonly<Partial<Record<BookStep, BookState>>>>> = {
  syncing: { snapshot: 'live', over: 'closed' },
  live: { gap: 'suspect', outgrown: 'syncing', over: 'closed' },
  suspect: { snapshot: 'live', outgrown: 'syncing', over: 'closed' },
  closed: {},
}

export function bookAfter(state: BookState, step: BookStep): BookState {
  return BOOK_STEPS[state][step] ?? state
}

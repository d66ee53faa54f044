/**
 * What a venue promises of a channel, as data: what orders its events, how its image comes, what its rows mean and what checks it.
 * The engine acts on it; `tapewire venues` and the documentation print it. Absent means: the venue promises nothing of the kind.
 */
export interface Integrity {
  readonly order?: OrderRule
  readonly image?: ImageRule
  readonly rows?: RowRule
  readonly checks?: readonly CheckRule[]
  readonly mark?: MarkRule
}

/** The number by which a message shows what came before it. */
export interface OrderRule {
  /** The field, in the venue's spelling: `seqNum`. */
  readonly by: string
  /** Within what it counts. A topic may carry several streams. */
  readonly scope: 'connection' | 'topic' | 'stream'
  /**
   * Whether another connection shows the same number for the same message. `same` only where that is known: two connections are
   * then compared by it.
   */
  readonly across: 'same' | 'own'
  /**
   * How a message follows the one before it. `next`: one more. `range`: its first number is the last one plus one. `overlap`: its
   * first number is the last one. `prev`: it names its predecessor. `rising`: higher, which shows order and hides loss.
   */
  readonly step: 'next' | 'range' | 'overlap' | 'prev' | 'rising'
  /** Frames without data (acks, heartbeats) are numbered as well. @default false */
  readonly everyFrame?: boolean
}

/** How a book's whole image comes. */
export interface ImageRule {
  /**
   * `marked`: on the socket, marked as an image. `first`: the first message after the subscribe. `every frame`: each message is one.
   * `request`: asked for, over HTTP or on the socket, and joined by number.
   */
  readonly how: 'marked' | 'first' | 'every frame' | 'request'
  /**
   * The levels a side that the venue keeps up to date, where it says so. `exact`: a level that leaves the window comes with a
   * removal, so that more levels than these contradict the book.
   */
  readonly window?: { readonly levels: number; readonly kind: 'exact' }
}

/** What a book's rows mean. */
export interface RowRule {
  /** `levels`: price and amount. `keyed`: rows have ids, and a change may name the id alone. */
  readonly kind: 'levels' | 'keyed'
  /** A removal of what the book does not hold: a `gap` where the venue never sends one, `ignore` where that is known to happen. */
  readonly absent: 'gap' | 'ignore'
}

/** What proves the book as a whole. */
export type CheckRule =
  | {
      readonly kind: 'checksum'
      /** How many of the best rows a side are signed. */
      readonly best: number
      /** Mismatches in a row after which the fault is no single lost frame and the connection is replaced. */
      readonly failures: number
    }
  /** A second image at the number at which the book stands. */
  | { readonly kind: 'image' }

/** "The venue stands at this number", asked for or told: proves a silent stream. */
export interface MarkRule {
  readonly by: 'heartbeat' | 'request'
}

/** Whether two connections can be compared by the number of each message of a stream. */
export function numberedAlike({ order }: Integrity): boolean {
  return order?.scope === 'stream' && order.across === 'same'
}

/** What proves a channel, in a phrase: `seqnum of the connection`, `checksum of the best 25`; `nothing` where nothing can. */
export function proofText({ order, rows, checks = [], mark }: Integrity): string {
  const parts = [
    ...(order === undefined ? [] : [orderText(order)]),
    ...checks.map((check) =>
      check.kind === 'checksum' ? `checksum of the best ${check.best}` : 'a second image at the same number',
    ),
    ...(mark === undefined ? [] : [mark.by === 'heartbeat' ? 'heartbeat' : 'audit on request']),
  ]
  if (parts.length > 0) return parts.join(' + ')
  return rows?.absent === 'gap' ? 'consistency of its rows' : 'nothing'
}

function orderText({ by, scope, step, everyFrame = false }: OrderRule): string {
  if (step === 'rising') return `order only (${by})`
  return `${by} of the ${scope}${everyFrame ? ', every frame' : ''}`
}

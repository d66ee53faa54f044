import { Digits, encode, type Wire, type WireRow } from '../kit/exact-json.js'

/** Faults that spoil the next frame of a table that they fit. */
const FRAME_FAULTS = [
  'update-lost',
  'trade-duplicate',
  'trade-order',
  'trade-lost',
  'id-long',
  'price-null',
  'price-nan',
  'price-exponent',
  'field-new',
  'field-missing',
] as const

/** Everything that one connection can do wrong by itself. The last two are BitMEX's own. */
export const CONNECTION_FAULTS = [
  ...FRAME_FAULTS,
  'ack-missing',
  'ack-late',
  'ack-then-silence',
  'ack-error',
  'limit-error',
  'snapshot-twice',
  'update-before-snapshot',
  'level-unknown',
  'book-crossed',
  'message-unknown',
  'heartbeat-missing',
  'empty-partial',
  'update-unknown',
] as const

export type ConnectionFault = (typeof CONNECTION_FAULTS)[number]
type FrameFault = (typeof FRAME_FAULTS)[number]

interface TableMessage {
  readonly table: string
  readonly action: string
  readonly data: readonly WireRow[]
}

/** The faults that lie in wait on one connection for a frame that they fit; each strikes once. */
export class FrameFaults {
  readonly #armed = new Set<FrameFault>()
  /** A trade that is sent after the next. */
  #held: TableMessage | null = null

  /** @returns false where it is no fault of a frame */
  arm(name: ConnectionFault): boolean {
    const fault = FRAME_FAULTS.find((each) => each === name)
    if (fault !== undefined) this.#armed.add(fault)
    return fault !== undefined
  }

  /** The frames that are sent in place of a message. */
  pass(message: TableMessage): string[] {
    const book = message.table.startsWith('orderBookL2')
    const trade = message.table === 'trade'
    if (trade && this.#held !== null) {
      const held = this.#held
      this.#held = null
      return [write(message), write(held)]
    }
    if (trade && this.#take('trade-lost')) return []
    if (trade && this.#take('trade-order')) {
      this.#held = message
      return []
    }
    if (trade && this.#take('trade-duplicate')) return [write(message), write(message)]
    if (book && this.#take('update-lost')) return []
    return [this.#spoil(message, book, trade)]
  }

  #spoil(message: TableMessage, book: boolean, trade: boolean): string {
    const priced = (book || trade) && message.action === 'insert'
    if (priced && this.#take('price-null')) return write(changed(message, { price: null }))
    if (priced && this.#take('price-nan')) return write(changed(message, { price: new Digits('NaN') }))
    if (priced && this.#take('price-exponent')) return write(withExponent(message))
    if (trade && this.#take('id-long')) return write(changed(message, { trdMatchID: longId(message) }))
    if ((book || trade) && this.#take('field-missing')) {
      return write(changed(message, book ? { id: undefined } : { price: undefined }))
    }
    if (this.#take('field-new')) return write(changed(message, { novelty: 'never seen before' }))
    return write(message)
  }

  #take(fault: FrameFault): boolean {
    return this.#armed.delete(fault)
  }
}

function write({ table, action, data }: TableMessage): string {
  return encode({ table, action, data })
}

/** The message with its first row changed. */
function changed(message: TableMessage, columns: Readonly<Record<string, Wire | undefined>>): TableMessage {
  const [first, ...rest] = message.data
  return { ...message, data: [{ ...first, ...columns }, ...rest] }
}

/** Twenty-one digits, and another number for each trade. */
function longId({ data }: TableMessage): string {
  const [id] = /[0-9a-f]+$/.exec(String(data[0]?.['trdMatchID'])) ?? ['0']
  return `9${BigInt(`0x${id}`).toString().padStart(20, '0')}`
}

/** The same value in another notation: 34000.5 is 340005e-1. */
function withExponent(message: TableMessage): TableMessage {
  const price = message.data[0]?.['price']
  if (!(price instanceof Digits)) return message
  const [whole = '0', fraction = ''] = price.text.split('.')
  return changed(message, { price: new Digits(`${BigInt(whole + fraction)}e-${fraction.length}`) })
}

/** A message of the Exchange before it is numbered. */
export interface Message {
  readonly event: string
  readonly channel: string
  /** Its other fields, as JSON without the braces; empty where it has none. */
  readonly rest: string
}

/** Faults of the next message that they fit. @see VENUE_FAULTS for what each means. */
export const MESSAGE_FAULTS = [
  'sequence-skipped',
  'sequence-repeated',
  'sequence-backwards',
  'sequence-reset',
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

type MessageFault = (typeof MESSAGE_FAULTS)[number]

/** Everything that is sent to one client: numbered here, and spoilt by the faults that lie in wait. */
export class NumberedLine {
  readonly #put: (frame: string) => void
  readonly #armed = new Set<MessageFault>()
  #seqnum = 0
  /** A trade that the next one overtakes. It has no number yet. */
  #heldTrade: Message | null = null
  /** A numbered frame that the next one overtakes. */
  #heldFrame: string | null = null

  constructor(put: (frame: string) => void) {
    this.#put = put
  }

  /** @returns false where it is no fault of a message. */
  arm(name: string): boolean {
    const fault = MESSAGE_FAULTS.find((each) => each === name)
    if (fault !== undefined) this.#armed.add(fault)
    return fault !== undefined
  }

  say(message: Message): void {
    const { event, channel } = message
    const trade = event === 'updated' && channel === 'trades'
    const book = event === 'updated' && (channel === 'l2' || channel === 'l3')
    // Numbers are given when a frame is sent: what never became one leaves no hole.
    if (trade && this.#take('trade-lost')) return
    if (book && this.#take('update-lost')) return
    if (trade && this.#heldTrade === null && this.#take('trade-order')) {
      this.#heldTrade = message
      return
    }
    const spoilt = trade || book ? this.#spoil(message) : message
    this.#number(spoilt)
    if (!trade) return
    if (this.#take('trade-duplicate')) this.#number(spoilt)
    const held = this.#heldTrade
    this.#heldTrade = null
    if (held !== null) this.#number(held)
  }

  #number({ event, channel, rest }: Message): void {
    if (this.#take('sequence-reset')) this.#seqnum = 0
    const seqnum = this.#seqnum++
    if (this.#take('sequence-skipped')) return
    const tail = rest === '' ? '' : `,${rest}`
    const frame = `{"seqnum":${seqnum},"event":"${event}","channel":${JSON.stringify(channel)}${tail}}`
    const held = this.#heldFrame
    if (held === null && this.#take('sequence-backwards')) {
      this.#heldFrame = frame
      return
    }
    this.#heldFrame = null
    this.#put(frame)
    if (held !== null) this.#put(held)
    if (this.#take('sequence-repeated')) this.#put(frame)
  }

  #spoil(message: Message): Message {
    const { rest } = message
    const changed = (pattern: RegExp, replacement: string): Message => ({
      ...message,
      rest: rest.replace(pattern, replacement),
    })
    if (message.channel === 'trades' && this.#take('id-long')) {
      // Ids have eleven digits; another one for each trade.
      return changed(/"trade_id":"(\d+)"/, '"trade_id":"1234567890$1"')
    }
    if (this.#take('price-null')) return changed(PRICE, '"$1":null')
    if (this.#take('price-nan')) return changed(PRICE, '"$1":NaN')
    if (this.#take('price-exponent')) {
      const [, name = '', number = '0'] = PRICE.exec(rest) ?? []
      return changed(PRICE, `"${name}":${withExponent(number)}`)
    }
    if (this.#take('field-missing')) return changed(/,"qty":[^,}]+/, '')
    if (this.#take('field-new')) return { ...message, rest: `"novelty":{"nested":[1]},${rest}` }
    return message
  }

  #take(fault: MessageFault): boolean {
    return this.#armed.delete(fault)
  }
}

const PRICE = /"(px|price)":([^,}]+)/

/** The same value as an integer with an exponent: 65000.5 is 650005E-1. */
function withExponent(number: string): string {
  const [mantissa = '', exponent = '0'] = number.split('E')
  const [whole = '', fraction = ''] = mantissa.split('.')
  return `${BigInt(whole + fraction)}E${Number(exponent) - fraction.length}`
}

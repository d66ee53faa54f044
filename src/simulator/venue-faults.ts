/**
 * The common vocabulary of faults that only a venue's own simulator can commit, because they need its protocol. A plan
 * names them as `{ "fault": "venue", "name": "checksum-wrong" }`. A simulator implements those that its protocol knows
 * (and may add its own) and lists them in `VenueSimulator.faults`.
 *
 * Each is committed once, with the next message that it fits, unless the text says how long it lasts.
 */
export const VENUE_FAULTS = {
  'ack-missing': 'the next subscribe is never answered and brings nothing',
  'ack-late': 'the next ack comes five seconds late, after the first data',
  'ack-then-silence': 'the next subscribe is acked and brings nothing',
  'ack-error': 'the next subscribe is refused with the error of the venue',
  'limit-error': 'the next subscribe is refused as one too many, with the code of the venue for its limits',
  maintenance:
    'the venue announces maintenance, ends what its protocol says it ends, and is back after ten seconds',
  'reconnect-notice': 'the venue asks its clients to connect again, as its protocol words it',
  'snapshot-twice': 'the snapshot of a book is sent a second time, unasked',
  'update-before-snapshot': 'the next snapshot of a book is preceded by an update of it',
  'sequence-skipped': 'one message of a numbered stream is lost',
  'sequence-repeated': 'one message of a numbered stream is sent again with its old number',
  'sequence-backwards': 'two messages of a numbered stream change places',
  'sequence-reset': 'the numbers of a stream begin again',
  'checksum-wrong': 'the next checksum does not fit the book',
  'update-lost': 'one update of a book is not sent, its numbers (where there are any) being right',
  'level-unknown': 'an update removes a level that is not there',
  'book-crossed': 'an update puts a bid above the best ask',
  'trade-duplicate': 'a trade is sent again',
  'trade-order': 'two trades change places',
  'trade-lost': 'a trade is not sent',
  'id-long': 'the next id has twenty-one digits',
  'price-null': 'the next price is null',
  'price-nan': 'the next price is NaN as the protocol would print it',
  'price-exponent': 'the next price is written with an exponent, its value being right',
  'message-unknown': 'a message of a type that does not exist',
  'field-new': 'the next message has a field more',
  'field-missing': 'the next message lacks a field that it must have',
  'instrument-delisted': 'an instrument stops trading, as the protocol tells it',
  'silent-but-one': 'all instruments but one are silent for thirty seconds',
  'heartbeat-missing': 'no heartbeat of the protocol for sixty seconds',
  'clock-off': 'the times of the venue are an hour off for sixty seconds',
} as const satisfies Record<string, string>

/** A name of the common vocabulary. */
export type VenueFault = keyof typeof VENUE_FAULTS

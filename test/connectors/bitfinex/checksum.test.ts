import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bookChecksum,
  type SignedLevel,
  signedCrc32,
  signedText,
} from '../../../connectors/bitfinex/checksum.js'

/** Worked examples: bids, asks, the text that is signed, and what a `cs` frame carries. */
const EXAMPLES: readonly [string, SignedLevel[], SignedLevel[], string, number][] = [
  [
    'two levels a side',
    [
      ['6000', '1'],
      ['5900', '2'],
    ],
    [
      ['6100', '3'],
      ['6200', '4'],
    ],
    '6000:1:6100:-3:5900:2:6200:-4',
    1_756_193_398,
  ],
  [
    'a negative sum',
    [
      ['6000', '1'],
      ['5900', '2.5'],
    ],
    [
      ['6100', '3'],
      ['6200', '4'],
    ],
    '6000:1:6100:-3:5900:2.5:6200:-4',
    -1_829_363_146,
  ],
  [
    'sides of different length',
    [
      ['100', '1.5'],
      ['99', '3'],
    ],
    [['101', '2']],
    '100:1.5:101:-2:99:3',
    2_088_920_631,
  ],
  [
    'prices that JavaScript prints with an exponent',
    [['0.0000005', '100']],
    [['0.0000006', '200']],
    '5e-7:100:6e-7:-200',
    -880_002_264,
  ],
  [
    'single orders',
    [
      ['34006738527', '0.2'],
      ['34006738528', '1'],
    ],
    [['34007664061', '0.5']],
    '34006738527:0.2:34007664061:-0.5:34006738528:1',
    -1_909_302_327,
  ],
  ['an empty book', [], [], '', 0],
]

describe('the checksum of a book', () => {
  it.each(EXAMPLES)('is that of the venue for %s', (_, bids, asks, text, checksum) => {
    expect(signedText(bids, asks)).toBe(text)
    expect(bookChecksum(bids, asks)).toBe(checksum)
  })

  it('is another one where numbers are expanded, which is the classic mistake', () => {
    expect(signedCrc32('0.0000005:100:0.0000006:-200')).toBe(-1_155_568_152)
  })

  it('is the CRC-32 of zlib, read as signed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
        expect(signedCrc32(text)).toBe(crc32(text) | 0)
      }),
    )
  })
})

import * as z from 'zod'
import { readObject } from '../kit/requests.js'

const stringLike = z.union([z.string(), z.number()]).transform(String)

/** What a client may send. Fields that an event does not know are passed over, as the venue does. */
export const clientRequest = z.looseObject({
  event: z.string(),
  channel: z.string().optional(),
  symbol: z.string().optional(),
  /** The old name of a symbol, without its `t`. */
  pair: z.string().optional(),
  key: z.string().optional(),
  prec: z.string().optional(),
  freq: z.string().optional(),
  len: stringLike.optional(),
  /** Given back as it came. */
  subId: z.union([z.string(), z.number()]).optional(),
  chanId: z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]).optional(),
  flags: z.number().optional(),
  cid: z.union([z.string(), z.number()]).optional(),
})

export type ClientRequest = z.infer<typeof clientRequest>

/** Reads what a client sent; null for anything that the venue leaves without an answer. */
export function readRequest(text: string): ClientRequest | null {
  const request = clientRequest.safeParse(readObject(text))
  return request.success ? request.data : null
}

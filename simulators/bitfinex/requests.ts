import * as z from 'zod'

const text = z.union([z.string(), z.number()]).transform(String)

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
  len: text.optional(),
  /** Given back as it came. */
  subId: z.union([z.string(), z.number()]).optional(),
  chanId: z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]).optional(),
  flags: z.number().optional(),
  cid: z.union([z.string(), z.number()]).optional(),
})

export type ClientRequest = z.infer<typeof clientRequest>

/** Reads what a client sent; null for anything that the venue leaves without an answer. */
export function readRequest(data: string | Uint8Array): ClientRequest | null {
  if (typeof data !== 'string') return null
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    // The venue does not answer what is no JSON, and a simulator has nobody else to tell.
    return null
  }
  const request = clientRequest.safeParse(value)
  return request.success ? request.data : null
}

import { isIP } from 'node:net'
import * as z from 'zod'
import type { CompressionOptions, EgressOptions, TlsOptions } from './network-options.js'

/** The way out, as options give it. */
export const egressShape = {
  proxy: z.string().min(1).nullable().default('environment'),
  localAddress: z
    .string()
    .refine((text) => isIP(text) !== 0, 'must be an IP address of this machine')
    .optional(),
  tls: z
    .custom<TlsOptions>((value) => typeof value === 'object' && value !== null, 'must be an object')
    .optional(),
  agent: z
    .custom<Exclude<EgressOptions['agent'], undefined>>(
      (value) =>
        typeof value === 'function' || (typeof value === 'object' && value !== null && 'addRequest' in value),
      'must be an http.Agent or a function',
    )
    .optional(),
}

/** permessage-deflate, as options give it. */
export const compressionSchema = z.union([
  z.boolean(),
  z.custom<CompressionOptions>(
    (value) => typeof value === 'object' && value !== null,
    'true, false or its settings',
  ),
])

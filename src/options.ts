import * as z from 'zod'
import type { Channel, ChannelSpec } from './connector.js'
import { UsageError } from './errors.js'
import { isSecretName, keepSecretsOf, REMOVED } from './secrets.js'
import { shown, shownUrl } from './shown.js'

/** The options that every connector takes; a venue's own schema extends this. Unknown keys are refused. */
export const connectorOptions = z.strictObject({
  symbols: z.array(z.string().min(1)).default([]),
  channels: z.array(z.custom<Channel>((value) => typeof value === 'string')).default(['trade', 'book']),
  url: z.url({ protocol: /^wss?$/, error: 'must be a ws:// or wss:// URL' }).optional(),
  restUrl: z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' }).optional(),
  headers: z.record(z.string(), z.string()).default({}),
})

/**
 * Checks options at the door.
 *
 * @param what whose options they are, for the message: `bitfinex`.
 * @throws {UsageError} code `bad_option`, naming field and value (never the value of a secret).
 */
export function parseOptions<S extends z.ZodType>(what: string, schema: S, options: unknown): z.output<S> {
  keepSecretsOf(options)
  const result = schema.safeParse(options)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const field = issue?.path.join('.') ?? ''
  if (issue?.code === 'unrecognized_keys') {
    throw new UsageError('bad_option', `${what}: there is no option ${issue.keys.join(', ')}`, {
      context: { field: issue.keys[0] ?? '' },
    })
  }
  const value = issue === undefined ? '' : ` (got ${show(options, issue.path)})`
  throw new UsageError('bad_option', `${what}: option ${field} ${issue?.message ?? 'is wrong'}${value}`, {
    context: { field },
  })
}

/**
 * Checks the channels asked for against what the venue offers and writes each in its full form.
 *
 * @throws {UsageError} code `unknown_channel`, naming what there is.
 */
export function resolveChannels(
  venue: string,
  specs: readonly ChannelSpec[],
  channels: readonly Channel[],
): Channel[] {
  return channels.map((channel) => {
    const [kind = '', variant] = channel.split(/:(.*)/s)
    const spec = specs.find(
      (candidate) =>
        candidate.kind === kind && (variant === undefined || candidate.variants.includes(variant)),
    )
    if (spec === undefined) {
      const offered = new Set(
        specs.flatMap((candidate) =>
          candidate.variants.length === 0
            ? [candidate.kind]
            : candidate.variants.map((name, index) =>
                index === 0 ? candidate.kind : `${candidate.kind}:${name}`,
              ),
        ),
      )
      throw new UsageError(
        'unknown_channel',
        `${venue} has no channel ${channel}; it has ${[...offered].join(', ')}`,
        {
          context: { venue, channel, field: 'channels' },
        },
      )
    }
    return variant === spec.variants[0] ? spec.kind : channel
  })
}

/** The REST base of a gateway or simulator that is known by its socket URL alone: the same host over HTTP. */
export function restBeside(socketUrl: string): string {
  const url = new URL(socketUrl)
  return `${url.protocol === 'wss:' ? 'https:' : 'http:'}//${url.host}`
}

/** A wrong value as its message shows it: no secret, no header, no login of a URL. */
function show(options: unknown, path: readonly PropertyKey[]): string {
  let value = options
  for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key]
  for (const key of path) value = masked(String(key), value)
  return shown(JSON.stringify(value, masked) ?? String(value), 80)
}

function masked(name: string, value: unknown): unknown {
  if (name === 'headers' || name === 'proxy' || isSecretName(name)) return REMOVED
  return typeof value === 'string' && (/url/i.test(name) || value.includes('://')) ? shownUrl(value) : value
}

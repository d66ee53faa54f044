import * as z from 'zod'
import type { Channel, ChannelKind, ChannelSpec } from './connector.js'
import { UsageError } from './errors.js'
import { optionSentence } from './option-sentences.js'
import { keepSecretsOf } from './secrets.js'
import { shownValue } from './shown-value.js'

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
  const result = schema.safeParse(options, { error: optionSentence })
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = issue?.path ?? []
  const message = issue?.message ?? 'is wrong'
  if (issue?.code === 'unrecognized_keys') {
    const unknown = issue.keys.map((key) => [...path, key].join('.')).join(', ')
    throw new UsageError('bad_option', `${what}: there is no option ${unknown}${message}`, {
      context: { field: issue.keys[0] ?? '' },
    })
  }
  const field = path.join('.')
  const subject = field === '' ? 'the options' : `option ${field}`
  throw new UsageError('bad_option', `${what}: ${subject} ${message} (got ${valueAt(options, path)})`, {
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
            : candidate.variants.map((name) =>
                name === bareVariant(specs, candidate.kind) ? candidate.kind : `${candidate.kind}:${name}`,
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
    return variant === bareVariant(specs, spec.kind) ? spec.kind : channel
  })
}

/** The variant that the bare kind means. */
function bareVariant(specs: readonly ChannelSpec[], kind: ChannelKind): string | undefined {
  return specs.find((spec) => spec.kind === kind)?.variants[0]
}

/** The REST base of a gateway or simulator that is known by its socket URL alone: the same host over HTTP. */
export function restBeside(socketUrl: string): string {
  const url = new URL(socketUrl)
  return `${url.protocol === 'wss:' ? 'https:' : 'http:'}//${url.host}`
}

function valueAt(options: unknown, path: readonly PropertyKey[]): string {
  let value = options
  for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key]
  return shownValue(value, path)
}

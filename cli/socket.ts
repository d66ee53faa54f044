import { createInterface } from 'node:readline'
import { Command } from 'commander'
import { NetworkError, TapewireError, UsageError } from '../src/errors.js'
import { FrameLogWriter } from '../src/framelog/index.js'
import { shownJson } from '../src/shown.js'
import { systemClock } from '../src/socket/clock.js'
import type { SocketEvents } from '../src/socket/event-types.js'
import type { OpenSocketOptions } from '../src/socket/open-options.js'
import { openSocket } from '../src/socket/open-socket.js'
import { type Frame, plainFrames } from '../src/socket/plain-frames.js'
import { parseDuration } from './duration.js'
import { interruption } from './exit.js'
import { collect, flag, list, wholeNumber } from './flag.js'
import { helpEnd } from './help.js'
import { LineWriter, say } from './output.js'
import { type AnyProtocol, jsonOf, protocolNames, protocolOf } from './protocols.js'

interface Options {
  readonly protocol?: AnyProtocol
  readonly header?: readonly string[]
  readonly subprotocol?: readonly string[]
  readonly proxy?: string
  readonly compress?: true
  readonly ping?: string
  readonly pingEvery?: number
  readonly silentAfter?: number
  readonly reconnect: boolean
  readonly maxAttempts?: number
  readonly duration?: number
  readonly count?: number
  readonly raw?: string
  readonly json?: true
  readonly verbose?: true
}

export function socketCommand(): Command {
  return new Command('socket')
    .description('the resilient client by itself: prints what comes, sends the lines of stdin')
    .argument('<url>', 'such as wss://host/path')
    .addOption(
      flag(
        '--protocol <name>',
        `what runs on it: ${protocolNames.join(', ')}; options as NAME:JSON`,
        protocolOf,
      ),
    )
    .addOption(
      flag(
        '--header <line>',
        "for the handshake, such as 'Authorization: Bearer abc'; may be repeated",
        collect,
      ),
    )
    .addOption(flag('--subprotocol <list>', 'offered, the most wanted first', (text) => list(text, 'v2,v1')))
    .option('--proxy <url>', 'in place of what the environment names')
    .option('--compress', 'offer permessage-deflate')
    .option('--ping <text>', 'send this as the heartbeat, in place of a ping frame')
    .addOption(
      flag('--ping-every <time>', 'how much silence the heartbeat waits for', parseDuration, {
        value: 20_000,
        shown: '20s',
      }),
    )
    .addOption(flag('--silent-after <time>', 'connect again after so much silence', parseDuration))
    .option('--no-reconnect', 'one connection and no more')
    .addOption(flag('--max-attempts <n>', 'give up after so many failures in a row', wholeNumber(1)))
    .addOption(flag('--duration <time>', 'how long: 10s, 5m, 1h30m, 30d', parseDuration))
    .addOption(flag('--count <n>', 'end after so many messages', wholeNumber(1)))
    .option('--raw <file>', 'keep the frames in a frame log; goes on in a new part')
    .option('--json', 'each message, and each event on stderr, as a line of JSON')
    .option('--verbose', 'say heartbeats too')
    .addHelpText(
      'after',
      helpEnd(`
Messages go to stdout, a line each; bytes as base64. What happens to the connection goes to stderr. Each line of stdin is sent as a text
frame, with a protocol as a command in JSON, whose answer is printed too; what is typed without a connection waits for it up to 30 s.
The end of stdin ends nothing: use --duration, --count or ctrl-c.

Examples:
  tapewire socket wss://ws.bitstamp.net
  echo '{"event":"ping"}' | tapewire socket wss://api-pub.bitfinex.com/ws/2 --count 2 --json
  echo '{"method":"public/test"}' | tapewire socket wss://www.deribit.com/ws/api/v2 --protocol json-rpc --duration 5s`),
    )
    .action(run)
}

async function run(url: string, options: Options): Promise<void> {
  const { signal, interrupted, dispose } = interruption()
  const clock = systemClock()
  const out = new LineWriter(process.stdout, signal, clock)
  const protocol = options.protocol ?? (plainFrames as unknown as AnyProtocol)
  const log = openLog(options)
  const socket = openSocket(url, {
    ...settings(options),
    protocol,
    signal,
    on: events(options),
    ...(log !== null && { tap: log }),
  })
  const end = options.duration === undefined ? null : clock.after(options.duration, () => void socket.close())
  const input = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
  input.on('line', (line) => {
    if (line.trim() !== '') give(socket, line, options, (answer) => void out.write(answer))
  })
  try {
    let count = 0
    for await (const { data, at, connection } of socket) {
      await out.write(options.json === true ? jsonLine(data, at, connection) : plainLine(data))
      count++
      if (count === options.count) break
    }
    await out.flush()
  } finally {
    end?.cancel()
    input.close()
    process.stdin.unref?.()
    await socket.close()
    await log?.close()
    dispose()
  }
  process.exitCode = interrupted() ?? process.exitCode
}

type Given = ReturnType<typeof openSocket<unknown, unknown, unknown>>

/** Sends a line of stdin. What is wrong with it is said, and ends nothing. */
function give(socket: Given, line: string, options: Options, print: (line: string) => void): void {
  const complain = (error: unknown) => {
    if (!(error instanceof TapewireError)) throw error
    // The protocol sends it, and nothing answers it.
    if (error.code !== 'no_answer' && error.code !== 'socket_closed') report(options, 'error', { error })
  }
  try {
    if (options.protocol === undefined) {
      if (!socket.send(line))
        complain(new NetworkError('not_connected', 'a line was dropped: too many wait already'))
      return
    }
    const command = jsonOf(line)
    socket
      .request(command)
      .then((answer) => print(json(options.json === true ? { answer } : answer)), complain)
  } catch (error) {
    complain(error)
  }
}

function settings(options: Options): Omit<OpenSocketOptions<unknown, unknown, unknown>, 'protocol' | 'on'> {
  const { header = [], subprotocol, proxy, compress, ping, pingEvery = 20_000, silentAfter } = options
  return {
    headers: headersOf(header),
    heartbeat: { send: ping ?? null, everyMs: pingEvery },
    reconnect: options.reconnect
      ? { ...(options.maxAttempts !== undefined && { maxAttempts: options.maxAttempts }) }
      : false,
    whileDisconnected: { hold: true },
    ...(subprotocol !== undefined && { subprotocols: subprotocol }),
    ...(proxy !== undefined && { proxy }),
    ...(compress === true && { compression: true }),
    ...(silentAfter !== undefined && { watchdog: { silentAfterMs: silentAfter } }),
  }
}

function headersOf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):\s*(.*)$/.exec(line) ?? []
      if (name !== undefined && value !== undefined) return [name, value]
      throw new UsageError(
        'bad_option',
        "--header must be a name, a colon and a value, such as 'X-Client: desk 7'",
        {
          context: { field: 'header' },
        },
      )
    }),
  )
}

function openLog({ raw }: Options): FrameLogWriter | null {
  if (raw === undefined) return null
  const onError = (error: Error) => say(`the frame log ends here: ${error.message}`)
  return new FrameLogWriter({ path: raw, clock: systemClock(), onError, existing: 'new-part' })
}

// ── What is printed ───────────────────────────────────────────────────────────────────────────────────────────────

function plainLine(data: unknown): string {
  if (typeof data === 'string') return data
  return isBytes(data) ? Buffer.from(data).toString('base64') : json(data)
}

function jsonLine(data: unknown, at: number, connection: number): string {
  if (typeof data === 'string') return shownJson({ at, connection, text: data })
  if (isBytes(data)) return shownJson({ at, connection, bytes: Buffer.from(data).toString('base64') })
  return json({ at, connection, message: data })
}

/** A message or an answer, with the bytes in it as base64. */
function json(value: unknown): string {
  return shownJson(value, undefined, function (key, part) {
    // Not `part` alone: a Buffer has been made an object before it is given.
    const own = this[key]
    return isBytes(own) ? Buffer.from(own).toString('base64') : part
  })
}

function isBytes(data: unknown): data is Exclude<Frame, string> {
  return data instanceof Uint8Array
}

type Told = { readonly [Name in keyof SocketEvents]?: SocketEvents[Name] }

function events(options: Options): NonNullable<OpenSocketOptions<unknown, unknown, unknown>['on']> {
  return {
    connect: (connect) => report(options, 'connect', { connect }),
    disconnect: (disconnect) => report(options, 'disconnect', { disconnect }),
    waiting: (waiting) => report(options, 'waiting', { waiting }),
    ...(options.verbose === true && {
      heartbeat: (heartbeat) => report(options, 'heartbeat', { heartbeat }),
    }),
    error: (error) => {
      // The end is the command's own error.
      if (!(error instanceof TapewireError) || error.code !== 'gave_up') report(options, 'error', { error })
    },
  }
}

function report(
  { json }: Options,
  event: string,
  { connect, disconnect, waiting, heartbeat, error }: Told,
): void {
  if (json === true) {
    const { code = 'internal', message } =
      error instanceof TapewireError ? error : { message: error?.message }
    const known = error === undefined ? (connect ?? disconnect ?? waiting ?? heartbeat) : { code, message }
    const { error: inner, ...rest } = { error: undefined, ...known }
    say(shownJson({ event, ...rest, ...(inner instanceof Error && { error: inner.message }) }))
  } else if (connect !== undefined) {
    say(`connected${connect.connection === 1 ? '' : ` again (connection ${connect.connection})`}`)
  } else if (disconnect !== undefined) say(`lost: ${disconnect.reason}`)
  else if (waiting !== undefined) say(`next attempt in ${(waiting.delayMs / 1000).toFixed(1)} s`)
  else if (heartbeat !== undefined) {
    say(
      heartbeat.afterMs === null
        ? 'heartbeat sent'
        : `heartbeat answered after ${heartbeat.afterMs.toFixed(1)} ms`,
    )
  } else if (error !== undefined) say(error.message)
}

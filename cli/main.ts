#!/usr/bin/env node
import { Command } from 'commander'
import { report, reportOutput } from './exit.js'
import { helpEnd, withManners } from './help.js'
import { version } from './version.js'

/** A command loads what it needs alone: with all of them it starts in nearly three times the time of one that reads a tape. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  venues: async () => (await import('./venues.js')).venuesCommand(),
  instruments: async () => (await import('./instruments.js')).instrumentsCommand(),
  watch: async () => (await import('./watch.js')).watchCommand(),
  stream: async () => (await import('./stream.js')).streamCommand(),
  record: async () => (await import('./record.js')).recordCommand(),
  replay: async () => (await import('./replay.js')).replayCommand(),
  ingest: async () => (await import('./ingest.js')).ingestCommand(),
  inspect: async () => (await import('./inspect.js')).inspectCommand(),
  book: async () => (await import('./book.js')).bookCommand(),
  candles: async () => (await import('./candles.js')).candlesCommand(),
  verify: async () => (await import('./verify.js')).verifyCommand(),
  simulate: async () => (await import('./simulate.js')).simulateCommand(),
  socket: async () => (await import('./socket.js')).socketCommand(),
}
const named = Object.hasOwn(commands, process.argv[2] ?? '') ? commands[process.argv[2] ?? ''] : undefined

const program = new Command('tapewire')
  .description('Exact market data of crypto exchanges: watch it, record it, prove it, play it back.')
  .version(version)
  .addHelpText(
    'after',
    helpEnd(`
Exit codes: 0 done, 1 something is missing or wrong, 2 used wrongly, 3 venue or network; 129, 130 and 143 ended by SIGHUP,
SIGINT and SIGTERM.

tapewire COMMAND --help has the arguments, options and examples of a command.`),
  )
withManners(program, 'tapewire')

for (const load of named === undefined ? Object.values(commands) : [named]) {
  const command = await load()
  program.addCommand(withManners(command, `tapewire ${command.name()}`))
}

process.stdout.on('error', (error) => {
  process.exit(reportOutput(error))
})
// A terminal that was closed takes nothing any more: there is nobody to tell, and the command goes on to its clean end.
process.stderr.on('error', () => {})

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}

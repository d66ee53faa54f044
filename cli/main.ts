#!/usr/bin/env node
import { Command } from 'commander'
import { bookCommand } from './book.js'
import { candlesCommand } from './candles.js'
import { report, reportOutput } from './exit.js'
import { helpEnd, withManners } from './help.js'
import { ingestCommand } from './ingest.js'
import { inspectCommand } from './inspect.js'
import { instrumentsCommand } from './instruments.js'
import { recordCommand } from './record.js'
import { replayCommand } from './replay.js'
import { simulateCommand } from './simulate.js'
import { socketCommand } from './socket.js'
import { streamCommand } from './stream.js'
import { venuesCommand } from './venues.js'

import { verifyCommand } from './verify.js'
import { version } from './version.js'
import { watchCommand } from './watch.js'

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

for (const command of [
  venuesCommand(),
  instrumentsCommand(),
  watchCommand(),
  streamCommand(),
  recordCommand(),
  replayCommand(),
  ingestCommand(),
  inspectCommand(),
  bookCommand(),
  candlesCommand(),

  verifyCommand(),
  simulateCommand(),
  socketCommand(),
]) {
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

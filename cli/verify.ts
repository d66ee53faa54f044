import { Command } from 'commander'
import pc from 'picocolors'
import wrapAnsi from 'wrap-ansi'
import { type Finding, type Verification, verifyFile } from '../recorder/index.js'
import { runTable, runTitle, showMicros, streamName } from './coverage-table.js'
import { exitCode } from './exit.js'
import { helpEnd } from './help.js'
import { print, printJson } from './output.js'
import { SizeProgress } from './progress.js'
import { type Column, table } from './table.js'
import { terminalWidth } from './terminal-width.js'

/** Findings that are shown to a person; `--json` has more. */
const FINDINGS_SHOWN = 50
/** Streams that the verdict names. */
const STREAMS_NAMED = 4

export function verifyCommand(): Command {
  return new Command('verify')
    .description('is a tape whole? Exit code 1 with what is missing where it is not')
    .argument('<tape>', 'the file of a recording')
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      helpEnd(`
Examples:
  tapewire verify tape.db && echo whole
  tapewire verify tape.db --json`),
    )
    .action((path: string, { json }: { json?: boolean }) => {
      let [read, events] = [0, 0]
      const progress = new SizeProgress(1, () => (events === 0 ? 0 : read / events))
      const verification = verifyFile(path, {
        onProgress: (done, of) => {
          read = done
          events = of
          progress.draw()
        },
      })
      progress.done()
      if (json === true) printJson(verification)
      else print(report(path, verification))
      if (!verification.whole) process.exitCode = exitCode.foundWanting
    })
}

/** What a person reads: each run's streams, what was found, and the verdict as the last line. */
function report(path: string, verification: Verification): string {
  const runs = verification.runs.map((run) =>
    run.streams.length === 0 ? `${runTitle(run)}: no streams` : `${runTitle(run)}\n\n${runTable(run)}`,
  )
  return [
    ...runs,
    ...findingsTable(verification),
    wrapAnsi(verdict(path, verification), terminalWidth()),
  ].join('\n\n')
}

const findingColumns: readonly Column<Finding>[] = [
  { head: 'severity', cell: ({ severity }) => severity },
  { head: 'event', cell: ({ event }) => (event === null ? '' : String(event)), align: 'right' },
  {
    head: 'time',
    cell: ({ at }) => (at === null ? '' : new Date(at / 1000).toISOString()),
    drop: 1,
  },
  {
    head: 'stream',
    cell: ({ venue, symbol, channel }) => [venue, symbol, channel].filter((part) => part !== null).join(' '),
    wrap: 12,
  },
  { head: 'what', cell: ({ what }) => what, wrap: 24 },
]

function findingsTable({ findings, counts }: Verification): string[] {
  if (findings.length === 0) return []
  const shown = findings.slice(0, FINDINGS_SHOWN)
  const more = counts.error + counts.warning + counts.note - shown.length
  return [
    table(findingColumns, shown, {
      dense: true,
      legend: more === 0 ? [] : [`and ${more.toLocaleString('en')} more: --json lists them`],
    }),
  ]
}

function verdict(path: string, { verdict: word, events, gaps, counts, streams }: Verification): string {
  const size = `${path}, ${events.toLocaleString('en')} events`
  if (word === 'whole') {
    const disclosed =
      gaps.opened === 0 ? 'no gaps' : `${gaps.opened} gaps disclosed, nothing of what they cost is missing`
    return `${pc.green(word)}: ${size}, ${disclosed}`
  }
  if (word === 'empty') {
    const asked = streams.filter((stream) => stream.asked).map(streamName)
    const never =
      asked.length === 0
        ? 'what was asked for is not on the tape'
        : `asked for and never came: ${named(asked)}`
    return `${pc.red(word)}: ${size}; ${never}`
  }
  const lacking = streams.flatMap((stream) => {
    const missing = (stream.missing ?? 0) + stream.paused
    if (stream.from === null) return [`all of ${streamName(stream)}`]
    return missing === 0 ? [] : [`${showMicros(missing)} of ${streamName(stream)}`]
  })
  const missing = lacking.length === 0 ? '' : `; missing: ${named(lacking)}`
  const errors = `${counts.error.toLocaleString('en')} ${counts.error === 1 ? 'error' : 'errors'}`
  return `${pc.red(word)}: ${size}, ${errors}${missing}`
}

function named(names: readonly string[]): string {
  const more = names.length - STREAMS_NAMED
  return `${names.slice(0, STREAMS_NAMED).join(', ')}${more > 0 ? `, and ${more} more` : ''}`
}

import Table from 'cli-table3'
import { Command } from 'commander'
import pc from 'picocolors'
import { openTape, type Verification, verifyTape } from '../recorder/index.js'
import { exitCode } from './exit.js'
import { printJson } from './output.js'
import { SizeProgress } from './progress.js'

export function verifyCommand(): Command {
  return new Command('verify')
    .description('is a tape whole? Exit code 1 with the list where it is not')
    .argument('<tape>')
    .option('--json', 'for programs')
    .action((path: string, { json }: { json?: boolean }) => {
      const tape = openTape(path)
      try {
        let [read, events] = [0, 0]
        const progress = new SizeProgress(1, () => (events === 0 ? 0 : read / events))
        const verification = verifyTape(tape, {
          onProgress: (done, of) => {
            read = done
            events = of
            progress.draw()
          },
        })
        progress.done()
        if (json === true) printJson(verification)
        else process.stdout.write(`${verdict(path, verification)}\n`)
        if (!verification.whole) process.exitCode = exitCode.foundWanting
      } finally {
        tape.close()
      }
    })
}

function verdict(path: string, { whole, events, gaps, counts, findings }: Verification): string {
  const disclosed = gaps.opened === 0 ? 'no gaps' : `${gaps.opened} gaps disclosed, ${gaps.healed} healed`
  const summary = whole
    ? `${pc.green('whole')}: ${path}, ${events.toLocaleString('en')} events, ${disclosed}`
    : `${pc.red('found wanting')}: ${path}, ${events.toLocaleString('en')} events, ${counts.error} errors, ${disclosed}`
  if (findings.length === 0) return summary
  const rows = new Table({
    head: ['', 'event', 'time', 'stream', 'what'],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    wordWrap: true,
    colWidths: [9, 10, 29, 34, 60],
  })
  for (const { severity, event, at, venue, symbol, channel, what } of findings) {
    const stream = [venue, symbol, channel].filter((part) => part !== null).join(' ')
    rows.push([severity, event ?? '', at === null ? '' : new Date(at / 1000).toISOString(), stream, what])
  }
  return `${rows.toString()}\n${summary}`
}

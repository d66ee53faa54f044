import { type Command, Help } from 'commander'
import pc from 'picocolors'
import wrapAnsi from 'wrap-ansi'
import { shown } from '../src/shown.js'
import { terminalWidth } from './terminal-width.js'

/** Help is not laid out for terminals narrower than this. */
const NARROWEST = 60
/** A description gets no fewer columns than this beside what it describes. */
const NARROWEST_DESCRIPTION = 16
const USAGE = 'Usage: '
/** A word of the shell, an option with its value: what is quoted belongs to it with its spaces. */
const SHELL_WORD = /(?:--\S+ (?=[^-|>&\s]))?(?:'[^']*'|"[^"]*"|\S)+/g

/**
 * A command whose help fits the terminal, and whose errors of usage are one sentence, as those of everything else are: control
 * characters escaped, secrets removed.
 *
 * @param name as it is called
 */
export function withManners(command: Command, name: string): Command {
  return command
    .exitOverride()
    .configureOutput({
      getOutHelpWidth: () => helpWidth(process.stdout),
      getErrHelpWidth: () => helpWidth(process.stderr),
      outputError: (message, write) => write(`${pc.red('tapewire:')} ${usageError(message, name)}\n`),
    })
    .configureHelp({
      minWidthToWrap: NARROWEST_DESCRIPTION,
      subcommandTerm: (subcommand) => subcommand.name(),
      commandUsage: (of) => {
        const usage = wrapAnsi(new Help().commandUsage(of), helpWidth() - USAGE.length)
        return usage.replaceAll('\n', `\n${' '.repeat(USAGE.length)}`)
      },
    })
}

/**
 * What stands beneath the options, at the width of the terminal. Paragraphs are wrapped; an indented line is an example, which goes on
 * behind a backslash, so that it can be pasted as it is.
 */
export function helpEnd(text: string): () => string {
  return () => {
    const width = helpWidth()
    const parts = text.match(/^(?: .*|)$|^\S.*(?:\n\S.*)*/gm) ?? []
    return parts
      .map((part) =>
        part.startsWith(' ') ? example(part, width) : wrapAnsi(part.replaceAll('\n', ' '), width),
      )
      .join('\n')
  }
}

function helpWidth(stream?: NodeJS.WriteStream): number {
  return Math.max(NARROWEST, terminalWidth(stream))
}

function example(command: string, width: number): string {
  const lines: string[] = []
  let line = ' '
  for (const [word] of command.matchAll(SHELL_WORD)) {
    // Two columns stay for the backslash.
    if (line.trim() !== '' && line.length + 1 + word.length > width - 2) {
      lines.push(`${line} \\`)
      line = '   '
    }
    line += ` ${word}`
  }
  return [...lines, line].join('\n')
}

/** The parser's words (`error: unknown option '--ulr'`, beneath it `(Did you mean --url?)`) as one sentence. */
function usageError(message: string, name: string): string {
  const [, what = '', near] = /^(?:error: )?(.*?)(?:\n\(Did you mean (.*)\?\))?\n?$/s.exec(message) ?? []
  const help = `${name} --help`
  return near === undefined
    ? `${shown(what)}: see ${help}`
    : `${shown(what)}; did you mean ${shown(near)}? See ${help}`
}

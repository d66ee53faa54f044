import { badCommand } from './command-errors.js'
import { isRecord } from './json-text.js'
import { CHECKS, type Kind } from './options.js'

/**
 * Checks the fields that a command has, before anything of it is kept: what is kept is sent again on each connection. A field that has one
 * form in all commands of its protocol is named once.
 *
 * @throws {UsageError} `bad_command`, naming the field. Its value may be a secret, and is not repeated.
 */
export function checkCommand(protocol: string, command: object, kinds: Readonly<Record<string, Kind>>): void {
  if (!isRecord(command)) throw badCommand(`${protocol}: a command is an object with a type`)
  for (const [name, kind] of Object.entries(kinds)) {
    const value = command[name]
    const { fits, what } = CHECKS[kind]
    if (value === undefined || fits(value)) continue
    throw badCommand(`${protocol}: ${name} must be ${what}`)
  }
}

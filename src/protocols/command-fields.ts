import { badCommand } from './command-errors.js'
import { isRecord } from './json-text.js'
import { CHECKS, type Kind } from './options.js'

/**
 * Checks the type of a command and the fields that it has, before anything of it is kept: what is kept is sent again on each connection. A
 * field that has one form in all commands of its protocol is named once.
 *
 * @throws {UsageError} `bad_command`, naming the field. Its value may be a secret, and is not repeated.
 */
export function checkCommand<Type extends string>(
  protocol: string,
  command: object,
  types: Readonly<Record<Type, true>>,
  kinds: Readonly<Record<string, Kind>>,
): void {
  if (!isRecord(command)) throw badCommand(`${protocol}: a command is an object with a type`)
  const type = command['type']
  if (typeof type !== 'string' || !Object.hasOwn(types, type)) {
    throw badCommand(
      `${protocol}: there is no command ${String(type)}; there are ${Object.keys(types).join(', ')}`,
    )
  }
  for (const [name, kind] of Object.entries(kinds)) {
    const value = command[name]
    const { fits, what } = CHECKS[kind]
    if (value === undefined || fits(value)) continue
    throw badCommand(`${protocol}: ${name} must be ${what}`)
  }
}

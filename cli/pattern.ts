/** Whether a name fits a pattern as a whole, in any case: `*` is any text, `?` one character; all else is itself. */
export function matcher(pattern: string): (name: string) => boolean {
  const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, (character) =>
    character === '*' ? '.*' : character === '?' ? '.' : `\\${character}`,
  )
  const expression = new RegExp(`^${source}$`, 'is')
  return (name) => expression.test(name)
}

import { relative } from 'node:path'

/**
 * Makes Stryker change only what begins on the given lines. (By itself it takes ranges, and leaves out of them every condition
 * and block that goes on after their end.)
 *
 * Stryker has no place for mutators of one's own but the list it keeps of its own ones, which is why its version is pinned.
 *
 * - Numbers are changed too, which Stryker does not do: a small one by one, any other to a tenth and to ten times itself. A
 *   bound that may be ten times what it says is not tested; one that may be off by one is a matter of taste.
 * - Of strings only single words are changed, which are names of states, codes and fields. Sentences are for people: a change of
 *   their words is no defect.
 *
 * @param {readonly import('./places.mjs').Line[]} lines
 * @returns how many of the lines held nothing to change, once Stryker has run
 */
export async function mutateOnly(lines) {
  const inside = new URL(
    'node_modules/@stryker-mutator/instrumenter/dist/src/mutators/mutate.js',
    import.meta.url,
  )
  const { allMutators } = await import(inside.href)
  const { default: babel } = await import('@babel/core')
  const left = new Set(lines.map(({ file, line }) => `${file}:${line}`))
  const wanted = new Set(left)
  const ours = allMutators.map((mutator) => (mutator.name === 'StringLiteral' ? words(mutator) : mutator))
  const restricted = [...ours, numbers(babel.types)].map(({ name, mutate }) => ({
    name,
    *mutate(path) {
      const place = `${relative('', path.hub.file.opts.filename)}:${path.node.loc?.start.line}`
      if (!wanted.has(place)) return
      for (const mutant of mutate(path)) {
        left.delete(place)
        yield mutant
      }
    },
  }))
  allMutators.splice(0, allMutators.length, ...restricted)
  return () => left.size
}

function words(strings) {
  return {
    name: strings.name,
    *mutate(path) {
      if (path.isStringLiteral() && /^[\w.-]+$/.test(path.node.value)) yield* strings.mutate(path)
    },
  }
}

function numbers(types) {
  return {
    name: 'NumericLiteral',
    *mutate(path) {
      if (!path.isNumericLiteral() || isKey(path)) return
      const { value } = path.node
      const small = Number.isInteger(value) && value <= 2
      const others = small
        ? [value + 1, value - 1]
        : [value * 10, Number.isInteger(value) ? Math.floor(value / 10) : value / 10]
      for (const other of others) if (other >= 0) yield types.numericLiteral(other)
    },
  }
}

/** `{ 1: … }` and `Enum.One = 1` have no expression in that place. */
function isKey({ node, parent }) {
  return (parent.type === 'ObjectProperty' && parent.key === node) || parent.type === 'TSEnumMember'
}

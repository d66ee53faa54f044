/** A copy that nobody else holds. `slice` of Node's Buffer is a view, and frames are borrowed. */
export function copied(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

export function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

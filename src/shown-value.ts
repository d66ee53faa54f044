import { isSecretName, REMOVED } from './secrets.js'
import { shown, shownUrl } from './shown.js'

/** Characters of a wrong value that a message repeats. */
const LONGEST = 80

/** A wrong value as a message may show it: short, on one line, without secrets, headers and logins. */
export function shownValue(value: unknown, path: readonly PropertyKey[] = []): string {
  let visible = value
  for (const key of path) visible = masked(String(key), visible)
  if (typeof visible === 'function') return 'a function'
  if (typeof visible === 'number' || typeof visible === 'bigint') return String(visible)
  const seen = new Set<unknown>()
  const text = JSON.stringify(visible, (name, inner: unknown) => {
    if (typeof inner === 'bigint') return String(inner)
    if (typeof inner === 'object' && inner !== null) {
      if (!isPlain(inner) || seen.has(inner)) return `(${className(inner)})`
      seen.add(inner)
    }
    return masked(name, inner)
  })
  return shown(isPlain(visible) ? (text ?? String(visible)) : withArticle(className(visible)), LONGEST)
}

/** True for what JSON can say in full: all but instances of classes. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function className(value: unknown): string {
  const made = (value as { readonly constructor?: unknown }).constructor
  return typeof made === 'function' && made.name !== '' ? made.name : 'object'
}

function masked(name: string, value: unknown): unknown {
  if (name === 'headers' || name === 'proxy' || isSecretName(name)) return REMOVED
  if (typeof value !== 'string') return value
  if (value.includes('://')) return shownUrl(value)
  // Without a scheme, `ann:password@host` cannot be taken apart safely.
  return /url/i.test(name) && /[@?]/.test(value) ? '(not a URL)' : value
}

/** `a Feed`, `an AbortSignal`. */
export function withArticle(name: string): string {
  return `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`
}

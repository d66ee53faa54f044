/** What stands in place of a secret. */
export const REMOVED = '(removed)'

/** The oldest is forgotten beyond this: a process that opens feeds with ever new tokens must not grow. */
const MAX_SECRETS = 1_000
/** A shorter word is too common: to remove it would make every text unreadable. */
const SHORTEST = 4
/** A secret of this length is removed wherever it stands, a shorter one only as a word of its own. */
const LONG = 8
/** The beginning of a secret at the end of a text is removed if it is this long. */
const SHORTEST_PART = 6
/** A header that is not known to be a credential may hold a word that venues send in their data. */
const LONG_HEADER = 12

const NUMBER = /^[\d.,+-]+$/
const SECRET_NAME =
  /^(key|auth|sig|pfx)$|secret|passw|passphrase|token|signature|authorization|cookie|credential|api[-_]?key/i
const ADDRESS_NAME = /url|proxy|target/i
/** Headers that say what a client is: their values are no secrets. */
const OPEN_HEADER =
  /^(accept.*|user-agent|origin|referer|host|connection|content-type|cache-control|pragma)$/i

/** Each secret with whether it is removed from frames as well, where a removal changes what is decoded. */
const secrets = new Map<string, { readonly inFrames: boolean }>()
let inTexts: RegExp | null = null
let inFrames: readonly string[] = []
let long: readonly string[] = []

/** Whether an option, header, JSON field or URL parameter of this name holds a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

/**
 * Remembers a secret for the life of the process: whatever a server or proxy echoes of it is removed from everything that is
 * shown or written down.
 *
 * @param frameFrom the length from which it is removed from raw frames too. A number or a short word is not: it may be data.
 */
export function keepSecret(value: string, frameFrom = LONG): void {
  const isNumber = NUMBER.test(value)
  if (value.length < (isNumber ? LONG : SHORTEST)) return
  const known = secrets.get(value)
  const next = { inFrames: known?.inFrames === true || (!isNumber && value.length >= frameFrom) }
  if (known?.inFrames === next.inFrames) return
  secrets.set(value, next)
  if (secrets.size > MAX_SECRETS) forgetOne()
  compile()
}

/** Tokens that were handed out for one connection go before what the user gave. */
function forgetOne(): void {
  let oldest: string | undefined
  for (const [value, secret] of secrets) {
    oldest ??= value
    if (secret.inFrames) continue
    oldest = value
    break
  }
  if (oldest !== undefined) secrets.delete(oldest)
}

/** Remembers a user and password, also as they stand in a Basic header. The user alone only where it is no common word. */
export function keepLogin(user: string, password: string): void {
  if (user === '' && password === '') return
  keepSecret(password)
  if (user.length >= LONG) keepSecret(user)
  keepSecret(base64(`${user}:${password}`))
}

/** Remembers user and password of a URL or proxy, and the tokens in its query. */
function keepSecretsOfUrl(text: string, frameFrom: number): void {
  const full = text.includes('://') ? text : `http://${text}`
  if (!URL.canParse(full)) return
  const { username, password, searchParams } = new URL(full)
  keepLogin(percentDecoded(username), percentDecoded(password))
  for (const [name, value] of searchParams) if (isSecretName(name)) keepSecret(value, frameFrom)
}

/**
 * Remembers every secret in a set of options: under names such as `secret`, in headers, in URLs and proxies.
 *
 * @param frameFrom as of {@link keepSecret}; Infinity for what holds for one connection only.
 */
export function keepSecretsOf(options: unknown, frameFrom = LONG, depth = 0): void {
  if (depth > 5 || !isPlain(options)) return
  for (const [name, value] of Object.entries(options)) {
    if (name === 'headers') keepSecretsOfHeaders(value, frameFrom)
    else if (typeof value !== 'string') keepSecretsOf(value, frameFrom, depth + 1)
    else if (ADDRESS_NAME.test(name) || value.includes('://')) keepSecretsOfUrl(value, frameFrom)
    else if (isSecretName(name)) keepSecret(value, frameFrom)
  }
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || Array.isArray(value)
}

function keepSecretsOfHeaders(headers: unknown, frameFrom: number): void {
  if (!isPlain(headers)) return
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string' || OPEN_HEADER.test(name)) continue
    if (!isSecretName(name) && !/key/i.test(name)) {
      keepSecret(value, Math.max(frameFrom, LONG_HEADER))
      continue
    }
    keepSecret(value, frameFrom)
    // Of `Bearer abc` and `sid=abc; other=def` a server echoes the part that matters.
    for (const part of value.split(/[\s;,]+|=(?=[^=])/)) if (part.length >= LONG) keepSecret(part, frameFrom)
  }
}

/** The text without any secret that is known, for a person to read. */
export function withoutSecrets(text: string): string {
  return inTexts === null ? text : withoutCutSecret(text.replace(inTexts, REMOVED))
}

/** A secret that the other side cut through at the end of its text: the reason of a close frame has 123 bytes. */
function withoutCutSecret(text: string): string {
  for (const form of long) {
    for (let length = Math.min(form.length - 1, text.length); length >= SHORTEST_PART; length--) {
      if (text.endsWith(form.slice(0, length))) return text.slice(0, -length) + REMOVED
    }
  }
  return text
}

/**
 * A frame or answer without the user's credentials, as it is decoded and written down. A venue that echoes a login is rare and a
 * frame is hot: one search for each credential, and nothing at all where there is none.
 */
export function frameWithoutSecrets(frame: string): string {
  let clean = frame
  for (const form of inFrames) if (clean.includes(form)) clean = clean.replaceAll(form, REMOVED)
  return clean
}

function compile(): void {
  const texts: string[] = []
  const frames: string[] = []
  for (const [value, { inFrames: frame }] of secrets) {
    const forms = formsOf(value)
    if (frame) frames.push(...forms)
    texts.push(...forms)
  }
  // The longest first: of a secret that holds another nothing may remain.
  texts.sort((a, b) => b.length - a.length)
  frames.sort((a, b) => b.length - a.length)
  const sources = texts.map((form) => {
    const literal = form.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
    return form.length >= LONG ? literal : `(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`
  })
  inTexts = sources.length === 0 ? null : new RegExp(sources.join('|'), 'gu')
  inFrames = frames
  long = texts.filter((form) => form.length >= LONG)
}

/** A secret as it is, in a URL and in JSON. */
function formsOf(value: string): string[] {
  return [...new Set([value, percentEncoded(value), JSON.stringify(value).slice(1, -1)])]
}

/** Half of a surrogate pair has no form in a URL. */
function percentEncoded(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    return text
  }
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
}

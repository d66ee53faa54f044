import { isSecretName, REMOVED, withoutSecrets } from './secrets.js'

/** Longer texts from outside are cut: a venue's error text of a megabyte is nothing that anybody reads. */
const LONGEST = 1_000
/** What an error or event keeps of the frame that it is about. */
const HEAD = 200
/** No secret and no URL is longer than this; what is read beyond the cut, so that neither is cut in two. */
const MARGIN = 4_096

/**
 * What a terminal, an editor or a log viewer obeys or hides in place of showing it: control characters (C0, C1, and with them every
 * escape sequence), line ends, the controls of writing direction, invisible characters, halves of surrogate pairs.
 */
const UNPRINTABLE =
  /[\p{Cc}\p{Cs}\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu

/** Where a secret may stand that nobody registered, such as the login that a proxy's error page repeats. */
const SUSPECT =
  /@|basic|bearer|digest|negotiate|cookie|auth|key|sig|pfx|secret|passw|passphrase|token|credential/i

const URL_LOGIN = /([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s"'<>]{0,2000}@/gi
const BARE_LOGIN = /(^|[\s"'(=])[^\s"'<>(=:/@]{1,200}:(?!\/\/)[^\s"'<>@]{1,200}@(?=[\w.[-])/g
const HEADER =
  /\b((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]{0,30}(?:key|token|secret))("?\s{0,4}[:=]\s{0,4}"?)[^\r\n"]{1,4000}/gi
/** After the scheme a word that no sentence has: `Basic authentication failed` stays. */
const SCHEME =
  /\b([Bb]asic|BASIC|[Bb]earer|BEARER|[Dd]igest|[Nn]egotiate)\s{1,4}(?=[\w+/.~-]{0,4000}[\dA-Z=])[\w+/.~-]{6,4000}={0,2}/g
const FIELD_NAME =
  /key|auth|sig|pfx|[\w.-]{0,40}(?:secret|passw|passphrase|token|signature|authorization|cookie|credential|api[-_]?key)[\w.-]{0,40}/
/** The quotes may themselves be escaped, in JSON within JSON. */
const FIELD = new RegExp(
  String.raw`(\\{0,3}["'])(${FIELD_NAME.source})\1(\s{0,4}:\s{0,4})(\\{0,3}["'])(?:\\.|[^"'\\]){1,4000}?\4`,
  'gi',
)
const PARAMETER = /([?&])([\w.-]{1,40})=[^\s&"'<>#]{1,4000}/g

/**
 * Any text that came from outside (a venue, a proxy, an option, a tape) as a person, a terminal, a log or an event may have it:
 * secrets removed, control characters escaped (`\u001b`), and cut, which it then says. What was shown once stays as it is when it is
 * shown again.
 *
 * @param limit characters, what is said of the cut included. @default 1_000
 */
export function shown(text: string, limit = LONGEST): string {
  if (text.length <= limit) return printable(clean(text), limit)
  const head = text.slice(0, limit + MARGIN)
  const cleaned = clean(head)
  // The end of what was read may be half of a secret.
  const whole = head.length === text.length ? cleaned : cleaned.slice(0, Math.max(0, cleaned.length - MARGIN))
  return printable(whole, limit, text.length)
}

/** The first characters of a frame, as an error or event holds them beside their reason. */
export function shownHead(frame: string): string {
  return shown(frame.slice(0, HEAD + MARGIN)).slice(0, HEAD)
}

/** A URL as it may be shown: without user, password and query. One that is none is not shown at all. */
export function shownUrl(text: string): string {
  if (!URL.canParse(text)) return '(not a URL)'
  const { protocol, host, pathname } = new URL(text)
  return shown(`${protocol}//${host}${pathname}`)
}

/** A URL as it may be written down to be recognised again: with its query, without user, password and tokens. */
export function recordedUrl(text: string): string {
  if (!URL.canParse(text)) return shown(text)
  const url = new URL(text)
  const isBare = url.username === '' && url.password === ''
  const secret = [...url.searchParams.keys()].filter(isSecretName)
  if (isBare && secret.length === 0) return withoutSecrets(text)
  url.username = ''
  url.password = ''
  for (const name of secret) url.searchParams.set(name, REMOVED)
  return withoutSecrets(url.href)
}

/**
 * JSON in one line that a terminal may be shown: the same value, with what {@link shown} escapes written as JSON's own escapes.
 */
export function shownJson(value: unknown, indent?: number, replace?: JsonReplacer): string {
  return JSON.stringify(value, replace, indent).replace(JSON_UNPRINTABLE, escaped)
}

/** As `JSON.stringify` takes it. */
type JsonReplacer = (this: Readonly<Record<string, unknown>>, key: string, value: unknown) => unknown

/** Of what JSON leaves as it is; the line ends of an indented document stay. */
const JSON_UNPRINTABLE = new RegExp(UNPRINTABLE.source.replace('\\p{Cc}', '\\u007f-\\u009f'), 'gu')

function clean(text: string): string {
  const known = withoutSecrets(text)
  if (!SUSPECT.test(known)) return known
  return known
    .replace(URL_LOGIN, `$1${REMOVED}@`)
    .replace(BARE_LOGIN, `$1${REMOVED}@`)
    .replace(HEADER, `$1$2${REMOVED}`)
    .replace(SCHEME, `$1 ${REMOVED}`)
    .replace(FIELD, `$1$2$1$3$4${REMOVED}$4`)
    .replace(PARAMETER, (all, mark: string, name: string) =>
      isSecretName(name) ? `${mark}${name}=${REMOVED}` : all,
    )
}

function printable(text: string, limit: number, length = text.length): string {
  const whole = text.replace(UNPRINTABLE, escaped)
  if (whole.length <= limit && length <= limit) return whole
  const said = ` (cut: ${length.toLocaleString('en')} characters)`
  const kept = whole.slice(0, Math.max(0, limit - said.length))
  return `${kept.replace(/\\u?[\da-f]{0,3}$|[\ud800-\udbff]$/, '')}${said}`
}

function escaped(character: string): string {
  const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character]
  if (short !== undefined) return short
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}

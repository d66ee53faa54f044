/** What a client sent, as text. */
export function textOf(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : new TextDecoder().decode(data)
}

/** The JSON object that a client sent; null where it is none. */
export function readObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? { ...value } : null
  } catch {
    // Not JSON: the caller answers as its venue does.
    return null
  }
}

/** A field that must be text; undefined where it is anything else. */
export function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Path of a request without query and slash at its end. */
export function pathOf(path: string): string {
  return path.replace(/[?#].*$/, '').replace(/(.)\/+$/, '$1')
}

/** The query of a request. */
export function queryOf(path: string): URLSearchParams {
  return new URL(path, 'http://localhost').searchParams
}

import { shownUrl } from '../shown.js'

/**
 * Where an answer points to, as a clause of a sentence: `, which points to https://new.example/ws`. Redirects are not followed: what
 * was asked for moved, and who asked should know. Empty where the answer is none.
 */
export function redirection(status: number, headers: Readonly<Record<string, string>>, from: string): string {
  const location = headers['location']
  if (status < 300 || status > 399 || location === undefined) return ''
  const target = URL.canParse(location, from) ? new URL(location, from).href : location
  return `, which points to ${shownUrl(target)}`
}

import type { SimulatedAnswer, SimulatedRequest } from '../../src/simulator/venue-simulator.js'
import { pathOf, queryOf } from './requests.js'

/** A request that fits a route. */
export interface RoutedRequest {
  /** What stands in the path for `:name`. A name that the route does not have is empty. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly body: string
}

/** Answers a request; null where there is no such thing. */
export type Route = (request: RoutedRequest) => SimulatedAnswer | null

/** The REST routes of a venue. A slash at the end of a path makes no difference. */
export class Routes {
  readonly #routes: readonly { readonly pattern: RegExp; readonly route: Route }[]
  readonly #none: SimulatedAnswer

  /**
   * @param routes by path: `/v3/exchange/l2/:symbol`; the first that fits is asked.
   * @param none the answer where there is nothing.
   */
  constructor(routes: Readonly<Record<string, Route>>, none: SimulatedAnswer) {
    this.#routes = Object.entries(routes).map(([path, route]) => ({ pattern: patternOf(path), route }))
    this.#none = none
  }

  answer({ path, body }: SimulatedRequest): SimulatedAnswer {
    const name = pathOf(path)
    for (const { pattern, route } of this.#routes) {
      const found = pattern.exec(name)
      if (found === null) continue
      const params = Object.fromEntries(
        Object.entries(found.groups ?? {}).map(([key, value]) => [key, decoded(value)]),
      )
      return route({ params, query: queryOf(path), body }) ?? this.#none
    }
    return this.#none
  }
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A stray percent sign: the path means itself.
    return text
  }
}

/** An answer of JSON. @param body text of JSON, or a value that has no exact decimals. */
export function json(
  body: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): SimulatedAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  }
}

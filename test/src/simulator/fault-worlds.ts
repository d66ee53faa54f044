import { afterEach, describe, expect, it } from 'vitest'
import type { HttpResponse } from '../../../src/connector.js'
import type { Fault, FaultPlan } from '../../../src/simulator/fault-plan.js'
import { get, type MakeWorld, realWorld, virtualWorld, type World } from './worlds.js'

/** The faults of one occasion, as the schema of plans lists them. */
interface FaultKind {
  readonly options: readonly { readonly shape: { readonly fault: { readonly value: Fault['fault'] } } }[]
}

const NETWORKS = [
  ['real sockets', realWorld],
  ['the virtual network', virtualWorld],
] as const satisfies readonly (readonly [string, MakeWorld])[]

type Network = (typeof NETWORKS)[number][0]

/**
 * Runs the tests of one kind of fault on either network, and asks of them that they make each fault of the kind strike.
 *
 * @param tests given what makes a world under a plan; it ends with the test.
 */
export function describeFaults(
  title: string,
  kind: FaultKind,
  tests: (world: (...faults: FaultPlan['faults']) => Promise<World>, network: Network) => void,
): void {
  const struck = new Set<string>()

  describe.each(NETWORKS)(`faults ${title} on %s`, (network, make) => {
    const worlds: World[] = []

    afterEach(async () => {
      for (const made of worlds.splice(0)) {
        for (const name of made.faulted.strikes.keys()) struck.add(name.split(' ')[0] ?? name)
        await made.close()
      }
    })

    tests(async (...faults) => {
      const made = await make(faults)
      worlds.push(made)
      return made
    }, network)
  })

  it(`faults ${title}: the tests above made each of them strike`, () => {
    const names = kind.options.map(({ shape }) => shape.fault.value)
    expect(names.filter((name) => !struck.has(name))).toEqual([])
  })
}

/** Waits for an HTTP answer while time passes. */
export async function answer(of: World, path: string, timeoutMs?: number): Promise<HttpResponse> {
  const responses: HttpResponse[] = []
  void get(of, path, timeoutMs).then((response) => responses.push(response))
  await of.until(() => responses.length > 0)
  return responses[0] ?? expect.unreachable()
}

import type { Integrity, OrderRule } from './spec.js'

/** Whether two connections can be compared by the number of each message of a stream. */
export function numberedAlike({ order }: Integrity): boolean {
  return order?.scope === 'stream' && order.across === 'same'
}

/** What proves a channel, in a phrase: `seqnum of the connection`, `checksum of the best 25`; `nothing` where nothing can. */
export function proofText({ order, rows, checks = [], mark }: Integrity): string {
  const parts = [
    ...(order === undefined ? [] : [orderText(order)]),
    ...checks.map((check) =>
      check.kind === 'checksum' ? `checksum of the best ${check.best}` : 'a second image at the same number',
    ),
    ...(mark === undefined ? [] : [mark.by === 'heartbeat' ? 'heartbeat' : 'audit on request']),
  ]
  if (parts.length > 0) return parts.join(' + ')
  return rows?.absent === 'gap' ? 'consistency of its rows' : 'nothing'
}

function orderText({ by, scope, step, everyFrame = false }: OrderRule): string {
  if (step === 'rising') return `order only (${by})`
  return `${by} of the ${scope}${everyFrame ? ', every frame' : ''}`
}

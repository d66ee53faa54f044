import { Decimal } from 'decimal.js'
import type * as z from 'zod'
import {
  blockFrame,
  chainHead,
  latestBlock,
  miniTransactionFrame,
  transactionFrame,
} from '../../schemas/blockchain.js'
import type { Micros, TransactionEvent } from '../../schemas/events.js'
import type { HttpResponse } from '../../src/connector.js'
import { canonicalDecimal } from '../../src/decode/decimal.js'
import { checker, decoder } from '../../src/decode/decoder.js'
import { identifier } from '../../src/decode/identifier.js'
import { readLossless } from '../../src/decode/lossless.js'
import { DecodeError } from '../../src/errors.js'
import type { Protocol, SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import { addressOf, chainInstrument } from './symbols.js'

const checkHead = checker(chainHead)
const checkTransaction = checker(transactionFrame)
const checkMini = checker(miniTransactionFrame)
const checkBlock = checker(blockFrame)
const readLatest = decoder(latestBlock)

const VENUE = 'blockchain'

/** Sums of satoshi stay far below this precision. */
const Exact = Decimal.clone({ precision: 60, toExpNeg: -60, toExpPos: 60 })

/**
 * The chain feed: no acks, no ids, no numbers. A subscription is granted by being sent; blocks prove themselves by their
 * heights; an unconfirmed stream can never be called whole.
 */
export function chainProtocol({ init, sink, streams }: SessionKit): Protocol {
  function send(action: 'sub' | 'unsub', stream: Stream): void {
    const address = addressOf(stream.instrument)
    if (stream.kind === 'block') sink.send(JSON.stringify({ op: `blocks_${action}` }))
    else if (address === null) sink.send(JSON.stringify({ op: `unconfirmed_${action}` }))
    else sink.send(JSON.stringify({ op: `addr_${action}`, addr: address }))
  }

  function streamsOf(kind: 'transaction' | 'block', at: Micros | null): Stream[] {
    const found = [...streams.values()].filter((stream) => stream.kind === kind)
    if (found.length > 0 || !init.adopt) return found
    return [streams.adopt(chainInstrument(null), kind, at)]
  }

  function transaction(x: z.output<typeof transactionFrame>['x'], frame: string, at: Micros | null): void {
    const inputs = x.inputs.map(({ prev_out }) => part(prev_out))
    const outputs = x.out.map(part)
    const body = {
      exchangeTime: x.time * 1_000_000,
      receiveTime: at,
      hash: identifier(x.hash, ['x', 'hash']),
      inputs,
      outputs,
      fee: feeOf(inputs, outputs, frame),
      size: x.size ?? null,
      height: x.block_height ?? null,
    }
    const paid = new Set([...inputs, ...outputs].map(({ address }) => address))
    for (const stream of streamsOf('transaction', at)) {
      const address = addressOf(stream.instrument)
      if (address !== null && !paid.has(address)) continue
      if (!stream.record.tradeIds.add(x.hash)) continue
      const { symbol, instrument } = stream.instrument
      const event: TransactionEvent = {
        type: 'transaction',
        venue: VENUE,
        symbol,
        instrument,
        channel: stream.channel,
        n: 0,
        ...body,
      }
      streams.emit(stream, event, at)
    }
  }

  /** Heights rise by one. A jump is a hole, and the new block is where the stream goes on. A block told again is none. */
  function block(x: z.output<typeof blockFrame>['x'], at: Micros | null): void {
    identifier(x.hash, ['x', 'hash'])
    for (const stream of streamsOf('block', at)) {
      if (!stream.record.tradeIds.add(x.hash)) continue
      const last = stream.record.height
      if (last !== null && x.height > last + 1) {
        streams.gap(stream, 'sequence', `expected height ${last + 1}, got ${x.height}`, at)
      }
      stream.record.height = Math.max(x.height, last ?? 0)
      const { symbol, instrument } = stream.instrument
      streams.emit(
        stream,
        {
          type: 'block',
          venue: VENUE,
          symbol,
          instrument,
          channel: stream.channel,
          n: 0,
          exchangeTime: x.time * 1_000_000,
          receiveTime: at,
          hash: x.hash,
          height: x.height,
          size: x.size ?? null,
          transactions: x.nTx ?? null,
          value: x.totalBTCSent == null ? null : bitcoins(x.totalBTCSent),
        },
        at,
      )
    }
  }

  /** After a reconnect: whether blocks were missed while away. */
  function latest({ body }: HttpResponse, at: Micros | null): void {
    const { height } = readLatest(body)
    for (const stream of streamsOf('block', at)) {
      const last = stream.record.height
      if (last !== null && height > last) {
        streams.gap(stream, 'disconnected', `heights ${last + 1} to ${height} came while away`, at)
      }
      stream.record.height = Math.max(height, last ?? 0)
    }
  }

  return {
    opened() {
      sink.ready()
    },
    subscribe(requested, at) {
      for (const stream of requested) {
        send('sub', stream)
        streams.ack(stream, at)
        const rest = init.endpoint.rest
        if (stream.kind === 'block' && stream.record.seen && rest !== null) {
          sink.request({ id: 'latestblock', method: 'GET', url: `${rest}/latestblock` })
        }
      }
    },
    unsubscribe(leaving) {
      for (const stream of leaving) {
        send('unsub', stream)
        streams.remove(stream)
      }
    },
    sent(frame, at) {
      const value = readLossless(frame)
      const { op } = checkHead(value, frame)
      if (op === 'unconfirmed_sub') streams.adopt(chainInstrument(null), 'transaction', at)
      if (op === 'blocks_sub') streams.adopt(chainInstrument(null), 'block', at)
      if (op === 'addr_sub' && typeof value === 'object' && value !== null && 'addr' in value) {
        streams.adopt(chainInstrument(String(value['addr'])), 'transaction', at)
      }
    },
    frame(data, at) {
      const frame = typeof data === 'string' ? data : new TextDecoder().decode(data)
      const value = readLossless(frame)
      const { op } = checkHead(value, frame)
      switch (op) {
        case 'utx':
          transaction(checkTransaction(value, frame).x, frame, at)
          break
        case 'block':
          block(checkBlock(value, frame).x, at)
          break
        case 'minitx': {
          const { hash, time, value: satoshi } = checkMini(value, frame).x
          const total = { address: null, value: bitcoins(satoshi) }
          for (const stream of streamsOf('transaction', at)) {
            if (addressOf(stream.instrument) !== null || !stream.record.tradeIds.add(hash)) continue
            const { symbol, instrument } = stream.instrument
            streams.emit(
              stream,
              {
                type: 'transaction',
                venue: VENUE,
                symbol,
                instrument,
                channel: stream.channel,
                n: 0,
                exchangeTime: time * 1_000_000,
                receiveTime: at,
                hash,
                inputs: [],
                outputs: [total],
                fee: null,
                size: null,
                height: null,
              },
              at,
            )
          }
          break
        }
        case 'pong':
        case 'status':
          break
        default:
          throw new DecodeError('unknown_message', `unknown op ${op}`, { path: ['op'], head: frame })
      }
    },
    response(response, at) {
      if (response.id === 'latestblock' || response.url.endsWith('/latestblock')) {
        if (response.status === 200) latest(response, at)
      }
    },
  }
}

/** The point moved eight places: satoshi are integers, so nothing is lost. */
function bitcoins(satoshi: string): string {
  return canonicalDecimal(`${satoshi}e-8`)
}

function part(
  output: { addr?: string | null | undefined; value?: string | null | undefined } | null | undefined,
): {
  address: string | null
  value: string | null
} {
  return { address: output?.addr ?? null, value: output?.value == null ? null : bitcoins(output.value) }
}

/** What the inputs hold and the outputs do not; null where an input's value is unknown. Less than nothing cannot be. */
function feeOf(
  inputs: readonly { value: string | null }[],
  outputs: readonly { value: string | null }[],
  frame: string,
): string | null {
  let fee = new Exact(0)
  for (const { value } of inputs) {
    if (value === null) return null
    fee = fee.plus(value)
  }
  for (const { value } of outputs) {
    if (value === null) return null
    fee = fee.minus(value)
  }
  if (inputs.length === 0) return null
  if (fee.isNegative()) {
    throw new DecodeError(
      'schema_mismatch',
      `x.out: outputs exceed inputs by ${fee.negated().toFixed()} BTC`,
      {
        path: ['x', 'out'],
        head: frame,
      },
    )
  }
  return fee.toFixed()
}

import { CLIENT_PROTOCOL } from './address.js'

/** The server's side, for simulators: what {@link readFrame} and {@link readNegotiation} read. */

/** The body of the answer to negotiate. Times in seconds, as servers print them. */
export function negotiationBody(connectionToken: string, connectionId: string): string {
  return `{"Url":"/signalr","ConnectionToken":${JSON.stringify(connectionToken)},"ConnectionId":${JSON.stringify(connectionId)},"KeepAliveTimeout":20.0,"DisconnectTimeout":30.0,"ConnectionTimeout":110.0,"TryWebSockets":true,"ProtocolVersion":"${CLIENT_PROTOCOL}","TransportConnectTimeout":5.0,"LongPollDelay":0.0}`
}

/** The body of the answer to start. */
export const STARTED_BODY = '{"Response":"started"}'

export const KEEPALIVE_FRAME = '{}'

export function initFrame(cursor: string): string {
  return JSON.stringify({ C: cursor, S: 1, M: [] })
}

export function groupsFrame(cursor: string, groups: string): string {
  return JSON.stringify({ C: cursor, G: groups, M: [] })
}

/** Asks the client to connect anew. */
export function reconnectFrame(cursor: string): string {
  return JSON.stringify({ C: cursor, T: 1, M: [] })
}

/** One message as a hub pushes it. */
export interface PushedMessage {
  readonly hub: string
  readonly method: string
  readonly args: readonly unknown[]
}

export function pushFrame(cursor: string, messages: readonly PushedMessage[]): string {
  return JSON.stringify({
    C: cursor,
    M: messages.map(({ hub, method, args }) => ({ H: hub, M: method, A: args })),
  })
}

/** The id goes back as text. */
export function resultFrame(id: string, value: unknown): string {
  return JSON.stringify({ R: value, I: id })
}

export function failureFrame(id: string, error: string): string {
  return JSON.stringify({ I: id, E: error })
}

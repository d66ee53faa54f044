import type { PusherDialect } from './types.js'

/** The names of the protocol's events as a server spells them. */
export type PusherNames = ReturnType<typeof namesOf>

export function namesOf({ prefix, internalPrefix, ping, pong, reconnect }: PusherDialect = {}) {
  const own = prefix ?? 'pusher:'
  const internal = internalPrefix ?? prefix ?? 'pusher_internal:'
  return {
    established: `${own}connection_established`,
    subscribe: `${own}subscribe`,
    unsubscribe: `${own}unsubscribe`,
    signIn: `${own}signin`,
    signedIn: `${own}signin_success`,
    error: `${own}error`,
    refused: `${own}subscription_error`,
    ping: `${own}${ping ?? 'ping'}`,
    pong: `${own}${pong ?? 'pong'}`,
    reconnect: reconnect === undefined ? null : `${own}${reconnect}`,
    subscribed: `${internal}subscription_succeeded`,
    unsubscribed: `${internal}unsubscription_succeeded`,
    memberAdded: `${internal}member_added`,
    memberRemoved: `${internal}member_removed`,
    count: `${internal}subscription_count`,
  } as const
}

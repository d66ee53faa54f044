export type * from './network-options.js'
export { openSocket, type WithProtocol } from './open-socket.js'
export * from './shared-entry.js'

export type { Backoff } from './backoff.js'
export { systemClock, type TimeSources } from './clock.js'
export { type NodeDialOptions, nodeDial } from './dial.js'
export { DialBudget } from './dial-budget.js'
export type { Ping } from './heartbeat.js'
export { type NodeHttpOptions, nodeHttp } from './http.js'
export type * from './network-options.js'
export { type NodePlatformOptions, nodePlatform } from './node.js'
export { type OpenSocketOptions, openSocket } from './open-socket.js'
export {
  type Loss,
  type Opening,
  ResilientSocket,
  type ResilientSocketOptions,
  type SocketHandlers,
  type SocketSettings,
  type SocketState,
  type SocketStats,
  type TargetSource,
  type Wait,
} from './resilient-socket.js'
export { nodeTools } from './tools.js'
export { dialWith, type WhatwgWebSocket } from './whatwg.js'

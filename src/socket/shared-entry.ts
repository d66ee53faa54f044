/** What `tapewire/socket` names in Node and in browsers alike. */
export type { Micros } from '../../schemas/events.js'
export type { ConnectTarget, HttpRequest, HttpResponse } from '../connector.js'
export * from '../errors.js'
export type {
  Clock,
  Dial,
  DialAddress,
  DialClose,
  DialEvents,
  DialedSocket,
  DialTarget,
  Http,
  Platform,
  Timer,
  Upgrade,
} from '../platform.js'
export type * from '../protocols/codec.js'
export { systemClock, type TimeSources } from './clock.js'
export type * from './event-types.js'
export type { KeyWatch } from './key-silence.js'
export type { Loss } from './loss.js'
export type { QueueBounds } from './message-queue.js'
export type {
  HeartbeatOptions,
  OpenSocketOptions,
  ReconnectOptions,
  RotateOptions,
  WatchdogOptions,
} from './open-options.js'
export type { RequestOptions, SendOptions } from './outbox.js'
export type { Frame } from './plain-frames.js'
export type { Preparation, Prepare, PreparedAttempt } from './prepare.js'
export type { HoldBounds } from './send-queue.js'
export { type OpenSocketStats, Socket } from './socket.js'
export type { Life } from './socket-options.js'
export type { SocketState } from './socket-state.js'
export type { SocketTap } from './socket-tap.js'

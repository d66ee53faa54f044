/**
 * Servers of the codecs' protocols, for tests of any client: pure state machines that `serveSimulator` serves on a real socket,
 * `virtualPlatform` in memory, and `withFaults` puts a fault plan before.
 */

export {
  type ClassicMethod,
  ClassicRefusal,
  ClassicSignalRClient,
  ClassicSignalRServer,
  type ClassicSignalRServerOptions,
} from './classic-signalr.js'
export {
  JsonRpcClient,
  JsonRpcServer,
  type JsonRpcServerOptions,
  type RpcMethod,
  RpcRefusal,
} from './json-rpc.js'
export { MqttClient, MqttServer, type MqttServerOptions } from './mqtt.js'
export { type BrokerMessage, MqttSession, type SessionConnection } from './mqtt-session.js'
export { type ProtocolClient, ProtocolServer } from './protocol-server.js'
export { PusherClient, type PusherMember, PusherServer, type PusherServerOptions } from './pusher.js'
export {
  type HubMethod,
  HubRefusal,
  type HubStream,
  SignalRClient,
  SignalRServer,
  type SignalRServerOptions,
} from './signalr.js'
export type { ClientHub, HubTransport } from './signalr-client.js'
export { SignalRTransport, type TransportHub } from './signalr-transport.js'
export {
  SocketIoClient,
  type SocketIoHandler,
  SocketIoServer,
  type SocketIoServerOptions,
} from './socket-io.js'
export { SseServer, type SseServerOptions } from './sse.js'
export { WampClient, type WampProcedure, WampRefusal, WampServer, type WampServerOptions } from './wamp.js'

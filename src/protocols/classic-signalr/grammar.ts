/**
 * What a venue that speaks classic SignalR builds its session from: addresses and negotiation, frames in, calls out, packed bodies, and the
 * server's side of the same for simulators.
 *
 * The run of a connection: GET {@link negotiateUrl}, read by {@link readNegotiation}; a WebSocket to {@link connectUrl};
 * the first frame says `initialised`; GET {@link startUrl}, checked by {@link isStarted}; then calls. After a drop the run
 * begins anew: the protocol's soft reconnect replays only what the server's buffer still holds, and does not say what it lost.
 */
export * from './address.js'
export * from './calls.js'
export * from './frames.js'
export * from './negotiation.js'
export * from './packing.js'
export * from './server.js'

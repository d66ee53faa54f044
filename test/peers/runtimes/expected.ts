import type { everywhere, protocols, wayOut } from './programme.js'

interface Groups {
  readonly everywhere: Record<keyof typeof everywhere, unknown>
  readonly protocols: Record<keyof typeof protocols, unknown>
  readonly wayOut: Record<keyof typeof wayOut, unknown>
}

/** What each scenario of the programme gives, wherever it runs. */
export const expected: Groups = {
  everywhere: {
    'text and bytes go both ways': ['é😀', [0, 255, 128], 'closed'],
    'a count goes on through cuts': {
      numbers: Array.from({ length: 50 }, (_, index) => index + 1),
      causes: Array.from({ length: 10 }, () => 'cut'),
    },
    'the watchdog gives up a silent connection': ['silent', true],
    'an unanswered heartbeat gives the connection up': 'unanswered',
    'what is sent while disconnected is held, in order': [true, true, true, 'a', [1], 'b'],
    'a connection is replaced without a gap': [
      { connection: 2, replaces: 1 },
      { connection: 1, replaced: true, planned: true },
    ],
    'a close of the server says its code and reason': {
      cause: 'closed',
      code: 4001,
      reason: 'closed with 4001 gone',
    },
    'a request has its answer': '7 what',
    'a frame beyond maxFrameBytes ends the connection': true,
    'a slow reader loses nothing': 1_000,
    'a subprotocol is agreed on': 'b',
    'an abort ends it, and its loops': [0, 'closed'],
    'a token goes in the URL of each attempt': ['token 1'],
  },
  protocols: {
    'JSON-RPC': 3,
    'Socket.IO': 3,
    Pusher: 3,
    'MQTT over WebSocket': 3,
    'WAMP 2': 3,
    'Server-sent events': 3,
    'SignalR Core': 3,
  },
  wayOut: {
    'headers go out, and those of the answer are told': [[101, 'websocket'], ['yes']],
    'a refused handshake says why, and for how long': ['handshake_refused', true, true],
    'a ping frame is a heartbeat': 'answered',
    'a ping of the server is answered': ['pong there?'],
    'an HTTP proxy': ['proxied'],
    'a SOCKS 5 proxy': ['proxied'],
    'TLS with an authority of its own': ['secret'],
    'TLS without it is refused': 'tls_failed',
    'a pinned key': ['pinned', 'tls_failed'],
    'permessage-deflate': [true, 5_000],
    'a local address': ['127.0.0.9'],
    'a close frame that the protocol does not allow is named': ['invalid', 1002],
    'text that is no UTF-8 ends the connection': ['invalid', 1007],
    'of a compressed frame no more is unpacked than maxFrameBytes': true,
    'a handshake that is never answered has an end': 'connect_timeout',
    'a pause holds the sender back': [true, 64 * 1024 * 1024],
    'MQTT over TCP': 3,
  },
}

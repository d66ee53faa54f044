/**
 * `requested`: asked for, no ack yet. `acked`: granted, no datum yet. `live`: data came. `leaving`: unsubscribed, late
 * frames may follow and are dropped.
 */
export type StreamState = 'requested' | 'acked' | 'live' | 'leaving'

/** `asked`: the subscribe goes out. `granted`: the ack came. `datum`: data came, with or without an ack. `given up`: unsubscribed. */
export type StreamStep = 'asked' | 'granted' | 'datum' | 'given up'

/** What a stream of one connection becomes by each step; one that is not named leaves it as it is. */
export const STREAM_STEPS: Readonly<Record<StreamState, Readonly<Partial<Record<StreamStep, StreamState>>>>> =
  {
    requested: { granted: 'acked', datum: 'live', 'given up': 'leaving' },
    acked: { asked: 'requested', datum: 'live', 'given up': 'leaving' },
    live: { asked: 'requested', 'given up': 'leaving' },
    leaving: { asked: 'requested' },
  }

export function streamAfter(state: StreamState, step: StreamStep): StreamState {
  return STREAM_STEPS[state][step] ?? state
}

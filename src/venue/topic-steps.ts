/**
 * `waiting`: known, and not asked for now, because the venue refuses it for the moment. `asked`: a subscribe was sent. `granted`: the venue
 * acked it. `leaving`: an unsubscribe was sent and is not confirmed; what still comes is dropped.
 */
export type TopicState = 'waiting' | 'asked' | 'granted' | 'leaving'

/** `asked`: a subscribe goes out. `granted`: the ack came. `put off`: refused for now. `given up`: an unsubscribe goes out. */
export type TopicStep = 'asked' | 'granted' | 'put off' | 'given up'

/** What a topic of one connection becomes by each step; one that is not named leaves it as it is. */
export const TOPIC_STEPS: Readonly<Record<TopicState, Readonly<Partial<Record<TopicStep, TopicState>>>>> = {
  waiting: { asked: 'asked', granted: 'granted' },
  asked: { granted: 'granted', 'put off': 'waiting', 'given up': 'leaving' },
  granted: { asked: 'asked', 'given up': 'leaving' },
  leaving: { asked: 'asked' },
}

export function topicAfter(state: TopicState, step: TopicStep): TopicState {
  return TOPIC_STEPS[state][step] ?? state
}

import type { MarketEventType, Micros } from '../../schemas/events.js'
import { faultName } from '../../src/simulator/index.js'
import { AT, type Patient } from './patients.js'
import { type Draft, Stage, type StageOptions } from './stage.js'

const FOREVER = 3_600_000

/** What is noticed, by the row of the table: milliseconds from the cause to what the feed does about it. */
export const measures: Readonly<Record<string, (patient: Patient) => Promise<number> | null>> = {
  'the connection ends': (patient) =>
    on(patient, [{ fault: 'hang-up', atMs: AT }], async (stage) => {
      await stage.advance(25)
      const struck = stage.struck('hang-up')
      return stage.gap(struck, 'disconnected') - struck
    }),

  'a frame is lost, and the market stands still': (patient) => {
    const { lost } = patient
    if (lost === null) return null
    return on(patient, [lost.fault], async (stage) => {
      if (lost.stillAt === null) stage.onStrike = () => stage.freeze()
      else {
        await stage.advance(lost.stillAt)
        stage.freeze()
      }
      await stage.advance(150)
      const struck = stage.struck(faultName(lost.fault))
      return stage.gap(struck) - struck
    })
  },

  'a numbered frame comes a second time': ({ twice, ...patient }) =>
    twice === null
      ? null
      : on({ twice, ...patient }, [twice], async (stage) => {
          await stage.advance(25)
          const struck = stage.struck('duplicate')
          return stage.gap(struck, 'sequence') - struck
        }),

  'a numbered frame is overtaken': (patient) => {
    const { overtaken } = patient
    if (overtaken === null) return null
    return on(patient, [overtaken], async (stage) => {
      await stage.advance(25)
      const found = stage.gap(stage.struck(faultName(overtaken)), 'sequence')
      return found - stage.heard(found + 1)
    })
  },

  'a book is not what the venue proves': (patient) => {
    const { wrong } = patient
    if (wrong === null) return null
    return on(patient, typeof wrong === 'string' ? [] : [wrong], async (stage) => {
      if (typeof wrong !== 'string') {
        stage.onStrike = () => stage.freeze()
        await stage.advance(150)
        const struck = stage.struck(faultName(wrong))
        return stage.gap(struck, 'checksum') - struck
      }
      await stage.advance(AT / 1000)
      let committed: Micros = 0
      // A lost change of a level that is not signed, or that changes again before the proof, shows in nothing.
      for (let tries = 0; tries < 10 && !stage.events.some(({ type }) => type === 'gap'); tries++) {
        committed = await committedAfter(stage, 'checksum', wrong)
        await stage.advance(5)
      }
      return stage.gap(committed, 'checksum') - committed
    })
  },

  'a book is crossed': (patient) => {
    const { crossed, symbol, venue, channel } = patient
    if (crossed === null) return null
    return on(patient, typeof crossed === 'string' ? [] : [crossed], async (stage) => {
      let since: Micros | null = null
      stage.onEvent = (event) => {
        if (since !== null || event.type !== 'book_update') return
        if (stage.feed.book(venue.id, symbol, channel)?.crossed !== true) return
        since = event.receiveTime
        stage.freeze()
      }
      if (typeof crossed === 'string') {
        await stage.advance(AT / 1000)
        await committedAfter(stage, 'checksum', crossed)
      }
      await stage.advance(100)
      if (since === null) throw new Error('the book was never crossed')
      return stage.gap(since, 'crossed') - since
    })
  },

  'a change contradicts the book': (patient) => {
    const { contradicted } = patient
    if (contradicted === null) return null
    return on(patient, [contradicted], async (stage) => {
      await stage.advance(25)
      const found = stage.gap(stage.struck(faultName(contradicted)), 'sequence')
      return found - stage.heard(found + 1)
    })
  },

  'a subscribe has no answer': (patient) =>
    on(patient, [{ fault: 'ignore-request', match: patient.asks.source }], async (stage) => {
      await stage.advance(100)
      const [first = 0, second = 0] = stage.sent(patient.asks)
      return second - first
    }),

  'a subscribe has no answer, three times over': (patient) =>
    on(patient, [{ fault: 'ignore-request', match: patient.asks.source }], async (stage) => {
      await stage.advance(200)
      const [first = 0] = stage.sent(patient.asks)
      return stage.connection('reconnecting', first) - first
    }),

  'a granted book has no snapshot': (patient) => {
    const { mute } = patient
    if (mute === null) return null
    return on(
      patient,
      [mute],
      async (stage) => {
        await joinedLate(stage, patient, 100)
        const rest = mute.fault === 'http-stall' ? stage.strikes.map(({ at }) => at) : null
        const [first = 0, second = 0] = rest ?? stage.sent(patient.asks)
        return second - first
      },
      [patient.other],
    )
  },

  'a granted book has no snapshot, three times over': (patient) =>
    patient.mute === null || patient.mute.fault === 'http-stall'
      ? null
      : on(
          patient,
          [patient.mute],
          async (stage) => {
            await joinedLate(stage, patient, 200)
            const [first = 0] = stage.sent(patient.asks)
            return stage.connection(patient.muteIsFatal ? 'reconnecting' : 'refused', first) - first
          },
          [patient.other],
        ),

  'a socket is dead': (patient) =>
    on(patient, [{ fault: 'half-open', atMs: AT }], async (stage) => {
      stage.onStrike = () => stage.freeze()
      await stage.advance(AT / 1000)
      const lost = await stage.lost(1_000)
      return lost - stage.heard(stage.struck('half-open'), patient.beat)
    }),

  'a venue is silent behind a front that answers pings': (patient) =>
    on(patient, [{ fault: 'silence', atMs: AT, durationMs: FOREVER }], async (stage) => {
      stage.onStrike = () => stage.freeze()
      await stage.advance(AT / 1000)
      const lost = await stage.lost(1_000)
      return lost - stage.heard(stage.struck('silence'), patient.beat)
    }),

  'the heartbeat of the venue stops, and data go on': (patient) =>
    patient.heartless === null
      ? null
      : on(patient, [patient.heartless], async (stage) => {
          await stage.advance(60)
          const lost = stage.connection('reconnecting', 0)
          return lost - stage.heard(lost, patient.beat)
        }),

  'one channel stalls, and the socket lives': (patient) => {
    const { stalled, symbol, venue } = patient
    if (stalled === null) return null
    return on(
      patient,
      stalled.faults,
      async (stage) => {
        await stage.advance(AT / 1000)
        if (stalled.freeze) stage.freeze(venue.connector({}).guess(symbol)?.instrument)
        await stage.advance(120)
        const gap = stage.events.find((event) => event.type === 'gap')
        if (gap?.type !== 'gap' || gap.from === null || gap.receiveTime === null)
          throw new Error('there is no gap')
        if (stage.sent(patient.asks).length < 2) throw new Error('the stream was not asked for again')
        if (stage.events.some((event) => event.type === 'connection' && event.state === 'reconnecting')) {
          throw new Error('the socket was replaced first')
        }
        return gap.receiveTime - gap.from
      },
      [patient.symbol, patient.other],
    )
  },

  'a socket opens, and the venue says nothing': (patient) =>
    on(patient, [{ fault: 'drop' }], async (stage) => {
      await stage.advance(120)
      const opened = stage.connection('open', 0)
      return stage.connection('reconnecting', opened) - opened
    }),

  'a handshake is never answered': (patient) =>
    on(patient, [{ fault: 'stall-handshake' }], async (stage) => {
      await stage.advance(60)
      const dialled = stage.connection('connecting', 0)
      return stage.connection('reconnecting', dialled) - dialled
    }),

  'a connect vanishes in a black hole': (patient) =>
    on(
      patient,
      [
        { fault: 'unreachable', how: 'black-hole', atMs: AT, durationMs: FOREVER },
        { fault: 'reset', atMs: AT },
      ],
      async (stage) => {
        await stage.advance(100)
        const dialled = stage.connection('connecting', stage.struck('reset'))
        return stage.connection('reconnecting', dialled) - dialled
      },
    ),
}

/** Has the venue's simulator commit a fault right after the next event of a type. @returns when */
async function committedAfter(stage: Stage, type: MarketEventType, name: string): Promise<Micros> {
  const count = () => stage.events.filter((event) => event.type === type).length
  const before = count()
  while (count() === before) await stage.advance(0.01)
  stage.commit(name)
  return stage.platform.now
}

/** The patient's stream is asked for on a connection that lives. */
async function joinedLate(stage: Stage, patient: Patient, seconds: number): Promise<void> {
  await stage.advance(AT / 1000)
  stage.feed.subscribe(patient.venue.id, [patient.symbol], [patient.channel])
  await stage.advance(seconds)
}

/** Plays one thing to a feed. @returns what was measured, in milliseconds */
async function on(
  patient: Patient,
  faults: readonly Draft[],
  measure: (stage: Stage) => Promise<Micros>,
  symbols: readonly string[] = [patient.symbol],
): Promise<number> {
  const options: StageOptions = {
    symbols,
    channels: [patient.channel],
    faults,
    ...(patient.connector === undefined ? {} : { connector: patient.connector }),
    ...(patient.clock === undefined ? {} : { clock: patient.clock }),
  }
  const stage = new Stage(patient.venue, options)
  try {
    return (await measure(stage)) / 1000
  } finally {
    await stage.close()
  }
}

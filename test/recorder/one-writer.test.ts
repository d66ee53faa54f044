import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openTape } from '../../recorder/index.js'
import { mayMount, otherView, otherViewOfFile } from '../support/small-disk.js'
import { START, trade } from './sample-events.js'
import { temporaryPaths } from './temporary.js'
import { VirtualClock } from './virtual-clock.js'

const paths = temporaryPaths()

function folder(): string {
  const made = paths('folder')
  mkdirSync(made)
  return made
}

describe('a tape has one recorder, by whatever name it is called', () => {
  const names: [string, (file: string) => string][] = [
    ['a symbolic link', (file) => link(file, join(dirname(file), 'link.db'))],
    ['a symbolic link in another folder', (file) => link(file, join(folder(), 'tape.db'))],
    ['a link to its folder', (file) => join(link(dirname(file), `${dirname(file)}-link`), basename(file))],
    ['a link to a link', (file) => link(link(file, join(dirname(file), 'a')), join(dirname(file), 'b'))],
    ['a path with detours', (file) => `${dirname(file)}/../${basename(dirname(file))}/./${basename(file)}`],
    ['a relative path', (file) => relative(process.cwd(), file)],
    ['a hard link', (file) => hardLink(file, join(dirname(file), 'hard.db'))],
    ['a hard link in another folder', (file) => hardLink(file, join(folder(), 'hard.db'))],
    ['a hard link whose first name is gone', (file) => renamed(file, hardLink(file, `${file}-hard`))],
    ['a new name, before its recorder notices', (file) => renamed(file, join(dirname(file), 'new.db'))],
    ['a new name in another folder', (file) => renamed(file, join(folder(), 'new.db'))],
  ]

  it.each(names)('%s', async (_, nameFor) => {
    const file = join(folder(), 'tape.db')
    const recorder = openTape(file, { mode: 'write' })
    recorder.record(trade())
    await recorder.flush()
    const name = nameFor(file)
    expect(() => openTape(name, { mode: 'write' })).toThrow(expect.objectContaining({ code: 'tape_locked' }))
    expect(existsSync(`${name}-lock`) && !name.endsWith('tape.db')).toBe(false)
    await recorder.close()
    using tape = openTape(name)
    expect([...tape.replay()]).toHaveLength(1)
  })

  it.skipIf(!mayMount)('another mount of its folder', async () => {
    const file = join(folder(), 'tape.db')
    const recorder = openTape(file, { mode: 'write' })
    const view = otherView(dirname(file))
    expect(() => openTape(join(view, 'tape.db'), { mode: 'write' })).toThrow(
      expect.objectContaining({ code: 'tape_locked' }),
    )
    await recorder.close()
  })

  it.skipIf(!mayMount)('another mount of the file alone', async () => {
    const file = join(folder(), 'tape.db')
    const recorder = openTape(file, { mode: 'write' })
    recorder.record(trade())
    await recorder.flush()
    const view = otherViewOfFile(file)
    expect(() => openTape(view, { mode: 'write' })).toThrow(expect.objectContaining({ code: 'tape_locked' }))
    expect(readdirSync(dirname(view))).toEqual([basename(view)])
    await recorder.close()
    const next = openTape(view, { mode: 'write' })
    next.record(trade({ id: '2', receiveTime: START + 1 }))
    await next.close()
    using tape = openTape(file)
    expect([...tape.replay({ types: ['trade'] })].map(({ id }) => id)).toEqual(['1', '2'])
  })

  it('and no name is left locked: each can be recorded to when the recorder is closed', async () => {
    const file = join(folder(), 'tape.db')
    const recorder = openTape(file, { mode: 'write' })
    recorder.record(trade())
    await recorder.flush()
    const name = renamed(file, join(folder(), 'new.db'))
    await recorder.close()
    const next = openTape(name, { mode: 'write' })
    expect(next.written).toBe(1)
    await next.close()
    expect(readdirSync(dirname(name))).toEqual(['new.db'])
    expect(readdirSync(tmpdir()).filter((entry) => entry.includes(`-${inodeOf(name)}.lock`))).toEqual([])
  })

  it('and a symbolic link is as good a name as any other, one after the other', async () => {
    const file = join(folder(), 'tape.db')
    const name = link(file, join(folder(), 'link.db'))
    for (const [index, path] of [file, name].entries()) {
      const recorder = openTape(path, { mode: 'write' })
      recorder.record(trade({ id: `${index}`, receiveTime: START + index }))
      await recorder.close()
    }
    using tape = openTape(name)
    expect([...tape.replay({ types: ['trade'] })]).toHaveLength(2)
    expect(readdirSync(dirname(name))).toEqual(['link.db'])
  })

  it('a link to nothing is refused with a sentence', () => {
    const name = link(join(folder(), 'gone.db'), join(folder(), 'link.db'))
    expect(() => openTape(name, { mode: 'write' })).toThrow(/it is a link to a file that does not exist/)
  })
})

describe('a start that fails', () => {
  it('because an option is wrong leaves no file', () => {
    const file = join(folder(), 'tape.db')
    expect(() => openTape(file, { mode: 'write', batchEvents: 0 })).toThrow(/batchEvents/)
    expect(readdirSync(dirname(file))).toEqual([])
  })

  it('after the tape was made leaves none where nothing came of it', async () => {
    const file = join(folder(), 'tape.db')
    const recorder = openTape(file, { mode: 'write' })
    recorder.record({
      type: 'connection',
      venue: 'testex',
      receiveTime: START,
      connection: 'public#0',
      state: 'connecting',
      attempt: 1,
      endpoint: 'wss://x.example',
      reason: null,
    })
    await recorder.flush()
    await recorder.abandon()
    await recorder.abandon()
    await recorder.close()
    expect(recorder.state).toBe('closed')
    expect(readdirSync(dirname(file))).toEqual([])
  })

  it('keeps a tape that holds an event of a stream, or that was there before', async () => {
    const file = join(folder(), 'tape.db')
    for (const id of ['1', '2']) {
      const recorder = openTape(file, { mode: 'write' })
      recorder.record(trade({ id, receiveTime: START + Number(id) }))
      await recorder.abandon()
    }
    await openTape(file, { mode: 'write' }).abandon()
    using tape = openTape(file)
    expect([...tape.replay({ types: ['trade'] })]).toHaveLength(2)
    expect(readdirSync(dirname(file))).toEqual(['tape.db'])
  })

  it('leaves the file of another program, and an empty one, as it was', () => {
    const file = join(folder(), 'tape.db')
    writeFileSync(file, 'something else')
    expect(() => openTape(file, { mode: 'write' })).toThrow(/not a tape/)
    expect(readdirSync(dirname(file))).toEqual(['tape.db'])
    rmSync(file)
  })
})

it('a recorder that is open does not keep its process alive by watching its file', async () => {
  const clock = new VirtualClock()
  const kinds: (string | undefined)[] = []
  const watched = {
    now: () => clock.now(),
    after: (delayMs: number, run: () => void, kind?: 'background') => {
      kinds.push(kind)
      return clock.after(delayMs, run)
    },
  }
  const recorder = openTape(paths(), { mode: 'write', clock: watched })
  expect(kinds).toEqual(['background'])
  await recorder.close()
})

function link(target: string, name: string): string {
  symlinkSync(target, name)
  return name
}

/** Takes the first name away, whether the file has the other one already or not. */
function renamed(file: string, name: string): string {
  if (existsSync(name)) rmSync(file)
  else renameSync(file, name)
  return name
}

function inodeOf(file: string): string {
  return String(statSync(file, { bigint: true }).ino)
}

function hardLink(target: string, name: string): string {
  linkSync(target, name)
  return name
}

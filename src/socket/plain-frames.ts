import { UsageError } from '../errors.js'
import type { Codec, CodecSink, Protocol } from '../protocols/codec.js'

/** A text frame, or the bytes of a binary one. */
export type Frame = string | Uint8Array

/** No protocol: what is sent is a frame, and every frame is a message. */
export const plainFrames: Protocol<Frame, Frame, never> = {
  name: 'frames',
  schemes: ['ws', 'wss'],
  codec: (_init, sink) => new PlainFrames(sink),
}

class PlainFrames implements Codec<Frame> {
  readonly kept: readonly Frame[] = []
  readonly #sink: CodecSink<Frame>

  constructor(sink: CodecSink<Frame>) {
    this.#sink = sink
  }

  connect({ url, headers = {}, protocols = [] }: Parameters<Codec<Frame>['connect']>[0]): void {
    this.#sink.dial({ transport: 'websocket', url, headers, protocols })
  }

  opened(): void {
    this.#sink.ready()
  }

  frame(data: Frame): void {
    // A copy: the bytes are part of all that came with them.
    this.#sink.emit(typeof data === 'string' ? data : Uint8Array.from(data))
  }

  check(frame: Frame): void {
    if (typeof frame === 'string' || frame instanceof Uint8Array) return
    throw new UsageError('bad_command', 'what is sent must be text or bytes (Uint8Array)')
  }

  command(frame: Frame): null {
    this.check(frame)
    this.#sink.send(frame)
    return null
  }

  isKept(): boolean {
    return false
  }

  closed(): null {
    return null
  }

  end(): void {
    this.#sink.close({ retry: 'never', code: 1000, reason: '' })
  }

  response(): void {}
  answered(): void {}
  tick(): void {}
  cancel(): void {}
}

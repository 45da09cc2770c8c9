import type { Duplex } from 'node:stream'
import { encodeFrame, type FrameName } from './frames.ts'

const empty = Buffer.alloc(0)

/** The sending half of a session: frames get their numbers in the order in which they are sent. */
export interface Wire {
  send(type: FrameName, channel?: number, payload?: Buffer): void
  sendJson(type: FrameName, value: unknown): void
  sendNumber(type: FrameName, channel: number, value: number): void
  /** Resolves when the stream takes more. */
  drained(): Promise<void>
}

/** @param stream where the frames go; once it is over they are dropped, its own end tells the session */
export const createWire = (stream: Duplex): Wire => {
  let sequence = 0
  let waiting: Buffer[] = []
  // Each write wakes the engine, its shim and ours: the frames of one tick go together.
  const flush = (): void => {
    const frames = waiting
    waiting = []
    if (stream.destroyed || stream.writableEnded) return
    stream.write(frames.length === 1 && frames[0] !== undefined ? frames[0] : Buffer.concat(frames))
  }
  const send: Wire['send'] = (type, channel = 0, payload = empty) => {
    if (stream.destroyed || stream.writableEnded) return
    sequence++
    if (waiting.push(encodeFrame({ type, channel, sequence, payload })) === 1) process.nextTick(flush)
  }
  return {
    send,
    sendJson: (type, value) => send(type, 0, Buffer.from(JSON.stringify(value))),
    sendNumber(type, channel, value) {
      const payload = Buffer.allocUnsafe(4)
      payload.writeUInt32BE(value)
      send(type, channel, payload)
    },
    drained: () =>
      new Promise((resolve) => {
        if (!stream.writableNeedDrain || stream.destroyed) return resolve()
        const done = (): void => {
          stream.off('drain', done)
          stream.off('close', done)
          resolve()
        }
        stream.on('drain', done)
        stream.on('close', done)
      }),
  }
}

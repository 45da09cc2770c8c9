import { encodeFrame } from './frames.ts'
import { encodeReason } from './reason.ts'

/** Bytes of one letter, about. */
const letterSize = 512 * 1024

/** So many letters without frames follow those that have some: a loss is seen by the next letter, which may be lost with it. */
const lookLetters = 3

/** What goes to one other end: one letter at a time, and while it is on its way the frames for the next one gather. */
export interface Outbox {
  push(frame: Buffer): void
  /** Says that a pipe is over, with the first letter that gets through. */
  owe(pipe: number): void
  /** Sends again what a failure left; and after letters some without frames, by which a loss of the last one is seen. */
  look(): void
  isEmpty(): boolean
  /** Resolves when nothing is on its way. */
  settled(): Promise<void>
}

/**
 * @param send false when nobody listens there
 * @param onFailed called with what was thrown, or with nothing when nobody listens; what was not sent is dropped
 */
export const createOutbox = (send: (n: number, bytes: Buffer) => Promise<boolean>, onFailed: (error?: unknown) => void): Outbox => {
  // Greater than any number before, also after the other end was forgotten and met again: a lower one is taken for a repetition.
  let n = Math.floor(performance.now() * 1000)
  let frames: Buffer[] = []
  const owed = new Set<number>()
  let looksLeft = 0
  let isRunning = false
  let running = Promise.resolve()

  const take = (): Buffer[] => {
    let size = 0
    let count = 0
    while (count < frames.length && size < letterSize) size += frames[count++]?.length ?? 0
    return frames.splice(0, count)
  }

  /** @returns whether to go on */
  const sendOne = async (): Promise<boolean> => {
    const resets = [...owed]
    looksLeft = frames.length > 0 || resets.length > 0 ? lookLetters : looksLeft - 1
    const letter = Buffer.concat([...resets.map((pipe) => encodeFrame('reset', pipe, encodeReason())), ...take()])
    try {
      const isHeard = await send(++n, letter)
      for (const pipe of resets) owed.delete(pipe)
      if (isHeard) return true
      frames = []
      onFailed()
      owed.clear()
    } catch (error) {
      frames = []
      onFailed(error)
    }
    return false
  }

  const run = async (): Promise<void> => {
    // What is written in one turn goes in one letter.
    await Promise.resolve()
    do if (!(await sendOne())) break
    while (frames.length > 0 || owed.size > 0)
    isRunning = false
  }

  const start = (): void => {
    if (isRunning) return
    isRunning = true
    running = run()
  }

  return {
    push(frame) {
      frames.push(frame)
      start()
    },
    owe(pipe) {
      owed.add(pipe)
      start()
    },
    look() {
      if (owed.size > 0 || looksLeft > 0) start()
    },
    isEmpty: () => frames.length === 0 && owed.size === 0 && !isRunning,
    settled: () => running,
  }
}

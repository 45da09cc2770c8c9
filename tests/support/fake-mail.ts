import type { PipeLetter, PipeMail } from '../../src/model/pipe.ts'

/** What becomes of one letter. */
export type Fate = 'comes' | 'comes twice' | 'is lost' | 'is refused' | 'comes, unknown to its sender'

/**
 * Letters in memory, for what a real Redis does not do on demand: to lose one, or to take it and not say so. A test double; the real one is
 * src/store/pipes.ts.
 */
export const fakeMail = (fate: () => Fate = () => 'comes'): PipeMail & { remove(id: string): void } => {
  const boxes = new Map<string, (came: readonly PipeLetter[] | 'anew') => void>()
  return {
    remove: (id) => void boxes.delete(id),
    async send(to, letter) {
      const box = boxes.get(to)
      await Promise.resolve()
      if (box === undefined) return false
      const what = fate()
      if (what === 'is refused') throw new Error('not taken')
      // A letter is made of other bytes than those of who sent it.
      const copy = { ...letter, bytes: Buffer.from(letter.bytes) }
      if (what !== 'is lost') box([copy])
      if (what === 'comes twice') box([copy])
      if (what === 'comes, unknown to its sender') throw new Error('no answer')
      return true
    },
    async *listen(id, signal) {
      let waiting: (readonly PipeLetter[] | 'anew')[] = ['anew']
      let wake = (): void => {}
      boxes.set(id, (came) => {
        waiting.push(came)
        wake()
      })
      signal.addEventListener('abort', () => wake())
      while (!signal.aborted) {
        const came = waiting
        waiting = []
        yield* came
        if (waiting.length === 0 && !signal.aborted)
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
      boxes.delete(id)
    },
    listening: async (ids) => new Set(ids.filter((id) => boxes.has(id))),
  }
}

/** Work on one thing at a time: two faults of one process, or of one way, would undo each other. */
export const createTurns = (): (<T>(of: string, work: () => Promise<T>) => Promise<T>) => {
  const last = new Map<string, Promise<unknown>>()
  return (of, work) => {
    const turn = (last.get(of) ?? Promise.resolve()).then(work, work)
    last.set(
      of,
      turn.catch(() => {}),
    )
    return turn
  }
}

/** Many may be inside at once, and none while somebody is there alone. */
export interface Room {
  inside<T>(work: () => Promise<T>): Promise<T>
  /** Waits until all are out, and keeps others out. */
  alone<T>(work: () => Promise<T>): Promise<T>
}

export const createRoom = (): Room => {
  const within = new Set<Promise<unknown>>()
  let locked: Promise<unknown> = Promise.resolve()
  return {
    async inside(work) {
      for (let seen: unknown; seen !== locked; await locked) seen = locked
      const working = work()
      const settled = working.catch(() => {})
      within.add(settled)
      void settled.then(() => within.delete(settled))
      return working
    },
    alone(work) {
      const turn = locked.then(async () => {
        while (within.size > 0) await Promise.all(within)
        return work()
      })
      locked = turn.catch(() => {})
      return turn
    },
  }
}

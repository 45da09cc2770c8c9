import type { Trouble } from './graces.ts'

interface Known {
  readonly since: number
  attempts: number
  wasNew: boolean
}

/** Knows how long each trouble of each object has lasted. A trouble that went away begins anew when it comes back. */
export interface Patience {
  /**
   * @param key of the object
   * @param troubles all that it has now
   * @returns the first that has outlived its grace
   */
  outlived(key: string, troubles: readonly Trouble[]): Trouble | undefined
}

const idOf = ({ class: name, kind, name: object, container = '' }: Trouble): string => `${name} ${kind} ${object} ${container}`

/** @param now in ms, of a clock that only goes forward */
export const createPatience = (now: () => number): Patience => {
  const objects = new Map<string, ReadonlyMap<string, Known>>()

  const isOver = (trouble: Trouble, known: Known): boolean => {
    const lasted = now() - known.since
    const { attempts } = trouble
    if (attempts === undefined) return lasted >= trouble.graceMs
    return (lasted >= trouble.graceMs && known.attempts >= attempts.needed) || lasted >= attempts.longestMs
  }

  return {
    outlived(key, troubles) {
      const before = objects.get(key)
      const after = new Map<string, Known>()
      for (const trouble of troubles) {
        const isNew = trouble.attempts?.isNew === true
        const known = before?.get(idOf(trouble)) ?? { since: now(), attempts: isNew ? 0 : 1, wasNew: false }
        if (isNew && !known.wasNew) known.attempts++
        known.wasNew = isNew
        after.set(idOf(trouble), known)
      }
      objects.set(key, after)
      return troubles.find((trouble) => isOver(trouble, after.get(idOf(trouble)) as Known))
    },
  }
}

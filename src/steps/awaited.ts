/** What an attempt waits for now, for who asks why nothing goes on. */
export interface Awaited {
  /** Waits, and says so meanwhile. */
  <T>(what: string, work: Promise<T>): Promise<T>
  /** The one that has been waited for longest; undefined for nothing. */
  longest(): string | undefined
}

export const createAwaited = (): Awaited => {
  const waiting = new Set<{ readonly what: string }>()
  const wait = async <T>(what: string, work: Promise<T>): Promise<T> => {
    const entry = { what }
    waiting.add(entry)
    try {
      return await work
    } finally {
      waiting.delete(entry)
    }
  }
  return Object.assign(wait, { longest: () => waiting.values().next().value?.what })
}

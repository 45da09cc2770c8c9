import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { TelpherError } from '../model/errors.ts'
import type { Child } from './children.ts'

const lastLines = (file: string): string => {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-6).join('\n')
  } catch {
    return ''
  }
}

/**
 * Waits until a started program answers.
 * @param what its name in the error
 * @param ready whether it answers; what it throws means not yet
 * @throws TelpherError internal with the end of its log when it ended, or when the deadline passed
 */
export const until = async (what: string, ready: () => Promise<boolean> | boolean, deadlineMs: number, child?: Child): Promise<void> => {
  const end = performance.now() + deadlineMs
  for (;;) {
    if (
      await Promise.resolve()
        .then(ready)
        .catch(() => false)
    )
      return
    const ended = child !== undefined && !child.running()
    if (ended || performance.now() > end) {
      const log = child === undefined ? '' : `; the end of its log:\n${lastLines(child.logFile)}`
      throw new TelpherError('internal', `${what} ${ended ? 'ended' : `was not ready within ${deadlineMs / 1000} s`}${log}`)
    }
    await pause(50)
  }
}

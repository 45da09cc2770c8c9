import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** One end of pipes in a process of its own. */
export interface ChildEnd {
  /** What it said first. */
  readonly said: string
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>
}

const start = async (file: URL, args: readonly string[]): Promise<ChildEnd> => {
  const child = spawn(process.execPath, [fileURLToPath(file), ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const [said] = (await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => [])])) as [string?]
  if (said === undefined) throw new Error(`${file.pathname} ended before it said anything`)
  return {
    said,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** A worker that carries pipes and says its id. @param url of Redis */
export const startCarryingProcess = (url: string, pool: string): Promise<ChildEnd> =>
  start(new URL('carrying-child.ts', import.meta.url), [url, pool])

/** A server that asks a target through a pipe, which it keeps, and says the status. */
export const startAskingProcess = (url: string, target: string): Promise<ChildEnd> =>
  start(new URL('asking-child.ts', import.meta.url), [url, target])

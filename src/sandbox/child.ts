import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import type { State } from './state.ts'
import { marker } from './sweep.ts'

/** A long-running part of the sandbox. */
export interface Child {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** Resolves when it has ended, with how. */
  readonly exited: Promise<string>
  /** How it ended, undefined while it runs. */
  ended(): string | undefined
  /** Sends a signal to the process itself. */
  kill(signal: NodeJS.Signals): void
  /** TERM, then KILL to its whole group when it has not ended in time; resolves when it is gone. */
  stop(graceMs?: number): Promise<void>
}

export interface ChildOptions {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** The last lines of a log file, for an error message. */
const logEnd = (file: string, lines = 8): string => readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')

const signalGroup = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid, signal)
  } catch {
    // The group is gone.
  }
}

/**
 * Starts a part as a child in its own process group (Ctrl-C is for us to hand on), marked as belonging to the state, its output in
 * `log/NAME.log` of the state's folder.
 */
export const startChild = (state: State, options: ChildOptions): Child => {
  mkdirSync(`${state.dir}/log`, { recursive: true })
  const logFile = `${state.dir}/log/${options.name}.log`
  const log = openSync(logFile, 'a')
  const { PATH = '/usr/bin:/bin', HOME = '/root' } = process.env
  // Distributions keep redis, dockerd and runc in the sbin folders, which a user's PATH may lack.
  const env = { PATH: `${PATH}:/usr/local/sbin:/usr/sbin:/sbin`, HOME, ...options.env, [marker]: state.id }
  const child = spawn(options.file, options.args, { cwd: state.dir, env, stdio: ['ignore', log, log], detached: true })
  closeSync(log)
  let how: string | undefined
  const exited = new Promise<string>((resolve) => {
    const end = (text: string): void => {
      how ??= text
      resolve(how)
    }
    child.once('exit', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`))
    child.once('error', (error) => end(error.message))
  })
  const pid = child.pid ?? 0
  return {
    name: options.name,
    pid,
    logFile,
    exited,
    ended: () => how,
    kill: (signal) => {
      child.kill(signal)
    },
    async stop(graceMs = 5000) {
      if (pid === 0) return
      child.kill('SIGTERM')
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs)
      await exited
      clearTimeout(timer)
      signalGroup(pid, 'SIGKILL')
    },
  }
}

/**
 * Asks until a part answers.
 * @param ask what it throws counts as "not yet"
 * @throws Error with the end of the part's log when it ended or did not answer within `limitMs`
 */
export const untilReady = async (child: Child, limitMs: number, ask: () => Promise<boolean>): Promise<void> => {
  let last: unknown
  for (const end = performance.now() + limitMs; performance.now() < end && child.ended() === undefined; ) {
    try {
      if (await ask()) return
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  const what = child.ended() === undefined ? `was not ready within ${limitMs / 1000} s` : `ended with ${child.ended()}`
  throw new Error(`${child.name} ${what}; the end of ${child.logFile}:\n${logEnd(child.logFile)}`, { cause: last })
}

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isAlive, startTimeOf } from './process-id.ts'

/** A program that the sandbox runs, in a process group of its own, written down so that it is found after a kill -9. */
export interface Child {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  readonly exited: Promise<void>
  readonly running: () => boolean
  kill(signal: NodeJS.Signals): void
  /** TERM to its group, KILL when that was not enough. */
  stop(graceMs?: number): Promise<void>
}

const folderOf = (dir: string): string => join(dir, 'children')

const killGroup = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid, signal)
  } catch {
    // Nobody is left in it.
  }
}

/**
 * Starts a program below a state folder; its output goes to `<dir>/log/<name>`.
 * @param dir state folder, swept by `sweepChildren`
 */
export const startChild = (dir: string, name: string, command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Child => {
  mkdirSync(folderOf(dir), { recursive: true })
  mkdirSync(join(dir, 'log'), { recursive: true })
  const logFile = join(dir, 'log', name)
  const log = openSync(logFile, 'a')
  const child: ChildProcess = spawn(command, args, { cwd: dir, detached: true, stdio: ['ignore', log, log], env: env ?? process.env })
  const pid = child.pid ?? 0
  let running = child.pid !== undefined
  const record = join(folderOf(dir), String(pid))
  if (running) writeFileSync(record, startTimeOf(pid))
  const exited = new Promise<void>((resolve) => {
    const over = (): void => {
      running = false
      rmSync(record, { force: true })
      resolve()
    }
    child.once('exit', over)
    child.once('error', over)
  })
  return {
    name,
    pid,
    logFile,
    exited,
    running: () => running,
    kill: (signal) => {
      if (running) killGroup(pid, signal)
    },
    async stop(graceMs = 5000) {
      if (!running) return
      killGroup(pid, 'SIGTERM')
      const timer = setTimeout(() => killGroup(pid, 'SIGKILL'), graceMs)
      await exited
      clearTimeout(timer)
      killGroup(pid, 'SIGKILL')
    },
  }
}

/** Kills what an earlier run left behind in a state folder; a number that now belongs to another process is let be. */
export const sweepChildren = (dir: string): number => {
  let killed = 0
  try {
    for (const name of readdirSync(folderOf(dir))) {
      const file = join(folderOf(dir), name)
      const pid = Number(basename(name))
      if (isAlive(pid, readFileSync(file, 'utf8'))) {
        killGroup(pid, 'SIGKILL')
        killed++
      }
      rmSync(file, { force: true })
    }
  } catch {
    // There was no earlier run.
  }
  return killed
}

import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Milliseconds after which whoever waits for a lock says so. */
const patience = 300

/**
 * Runs `work` while holding a lock file, so that two processes do a thing one after the other.
 *
 * The kernel holds the lock (flock), through a child whose life hangs on a pipe from this process: after kill -9 the pipe closes, the child
 * ends and the lock is free, so no lock is ever stale.
 * @param onWait told once, with the pid of the holder, when the lock is not free at once
 * @throws Error when flock(1), part of every Debian and Ubuntu, is missing
 */
export const withLock = async <T>(path: string, work: () => Promise<T>, onWait: (pid: number) => void = () => {}): Promise<T> => {
  mkdirSync(dirname(path), { recursive: true })
  closeSync(openSync(path, 'a'))
  // Own session: Ctrl-C in the terminal must not free the lock before the work has ended.
  const child = spawn('flock', [path, 'sh', '-c', 'echo held; exec cat >/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'], detached: true })
  const waiting = setTimeout(() => {
    const holder = Number(readFileSync(path, 'utf8'))
    if (holder > 0) onWait(holder)
  }, patience)
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', (cause) => reject(new Error(`flock cannot be run: ${cause.message}`, { cause })))
      child.stdout.once('data', () => resolve())
      child.once('exit', (code) => reject(new Error(`flock ended with ${code}`)))
    })
    clearTimeout(waiting)
    writeFileSync(path, String(process.pid))
    return await work()
  } finally {
    clearTimeout(waiting)
    child.stdin.end()
  }
}

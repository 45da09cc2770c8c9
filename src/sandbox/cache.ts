import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isAlive, startTimeOf } from './process-id.ts'

/** Where heavy things are kept between checkouts: binaries, images, durations. */
export const cacheDir: string = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'telpher')

const holderOf = (file: string): { pid: number; start: string } | undefined => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { pid: number; start: string }
  } catch {
    return undefined
  }
}

const tryLock = (file: string): boolean => {
  try {
    const handle = openSync(file, 'wx')
    writeSync(handle, JSON.stringify({ pid: process.pid, start: startTimeOf(process.pid) }))
    closeSync(handle)
    return true
  } catch {
    return false
  }
}

/**
 * Does work that only one process at a time may do; a holder that died does not block it.
 * @param name of the lock, a file in the cache folder
 * @param onWait called once when another process holds it
 */
export const withLock = async <T>(name: string, work: () => Promise<T>, onWait?: (pid: number) => void): Promise<T> => {
  mkdirSync(cacheDir, { recursive: true })
  const file = join(cacheDir, `${name}.lock`)
  let told = false
  while (!tryLock(file)) {
    const holder = holderOf(file)
    if (holder !== undefined && !isAlive(holder.pid, holder.start)) {
      rmSync(file, { force: true })
      continue
    }
    if (!told && holder !== undefined) onWait?.(holder.pid)
    told = true
    await pause(200)
  }
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

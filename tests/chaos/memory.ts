import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { cgroupMounts } from '../../src/sandbox/names.ts'

/** So little may be added to what a process has, in bytes. */
const leftBytes = 262_144
/** A process that asks for nothing is not ended; after this, in ms, it gets its memory back. */
const patienceMs = 10_000

interface Files {
  readonly root: string
  readonly limit: string
}

/** Where memory is limited: version 1 has a hierarchy of its own for it. */
const filesOf = (): Files => {
  const mounts = cgroupMounts()
  const own = mounts.find(({ path }) => path.endsWith('/memory'))
  if (own !== undefined) return { root: own.path, limit: 'memory.limit_in_bytes' }
  return { root: mounts.find(({ version }) => version === 2)?.path ?? '/sys/fs/cgroup', limit: 'memory.max' }
}

/**
 * Takes a process's memory away but for what it has already: with the next pages that it wants the kernel ends it, as in a container
 * whose limit is reached.
 * @returns whether it was ended by that
 */
export const runOutOfMemory = async ({ pid, exited }: { readonly pid: number; readonly exited: Promise<unknown> }): Promise<boolean> => {
  const { root, limit } = filesOf()
  const folder = `${root}/telpher-oom-${pid}`
  mkdirSync(folder)
  try {
    writeFileSync(`${folder}/${limit}`, String(leftBytes))
    writeFileSync(`${folder}/cgroup.procs`, String(pid))
    const ended = await Promise.race([exited.then(() => true), pause(patienceMs, false, { ref: false })])
    if (!ended) writeFileSync(`${root}/cgroup.procs`, String(pid))
    return ended
  } finally {
    // What it had read stays charged to the cgroup for a moment.
    for (let tries = 0; tries < 50; tries++) {
      try {
        rmdirSync(folder)
        break
      } catch {
        await pause(20)
      }
    }
  }
}

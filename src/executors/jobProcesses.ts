import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { TelpherError } from '../model/errors.ts'

const read = (pid: number, name: 'cmdline' | 'environ' | 'stat'): string => {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    // It has ended, or is not ours to look at.
    return ''
  }
}

/**
 * Whether a process belongs to the job in a folder: its shim, by its arguments, since a shim hides the rest (proc(5), PR_SET_DUMPABLE),
 * or a program of the job, by the HOME that it and its children were given.
 * @param cmdline @param environ as /proc/PID has them, parts ended by NUL
 */
export const belongsTo = (work: string, { cmdline, environ }: { readonly cmdline: string; readonly environ: string }): boolean =>
  `\0${cmdline}`.includes(`\0-root\0${work}\0`) || `\0${environ}`.includes(`\0HOME=${work}\0`)

/** A zombie holds nothing and cannot be killed again; the name in parentheses may itself hold parentheses. */
const isZombie = (stat: string): boolean => stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')

/** Processes of the job in a folder that still run, by their numbers. @param work the job's working directory */
export const jobProcesses = (work: string): readonly number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .filter((pid) => belongsTo(work, { cmdline: read(pid, 'cmdline'), environ: read(pid, 'environ') }) && !isZombie(read(pid, 'stat')))

/**
 * Kills every process of a job, also what left its process group; one that makes new ones faster than they die is given up.
 * @throws TelpherError container_lost when some still run after 5 s
 */
export const killJob = async (work: string): Promise<void> => {
  for (const end = performance.now() + 5000; ; await pause(20)) {
    const left = jobProcesses(work)
    if (left.length === 0) return
    if (performance.now() > end) throw new TelpherError('container_lost', `processes of the job cannot be ended: ${left.join(', ')}`)
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has ended by itself.
      }
    }
  }
}

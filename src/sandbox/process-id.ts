import { readFileSync } from 'node:fs'

/** When a process started, in clock ticks since boot (proc(5), stat field 22); empty when there is none. */
export const startTimeOf = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

/** Whether this very process still runs: a number that was given to another one since does not count. */
export const isAlive = (pid: number, start: string): boolean => start !== '' && startTimeOf(pid) === start

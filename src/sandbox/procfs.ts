import { readFileSync } from 'node:fs'

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number
  /** Field 22 of /proc/PID/stat: clock ticks from boot to the start of the process. */
  readonly startTime: string
}

/**
 * Who a pid is right now.
 * @returns undefined when there is no such process, or only its zombie
 */
export const identify = (pid: number): ProcessIdentity | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold spaces and parentheses: the fields begin after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const startTime = fields[19]
    return startTime === undefined || fields[0] === 'Z' || fields[0] === 'X' ? undefined : { pid, startTime }
  } catch {
    return undefined
  }
}

/** Whether the very process that was recorded still runs. */
export const isAlive = (process: ProcessIdentity): boolean => identify(process.pid)?.startTime === process.startTime

/** The boot that process identities belong to: start times begin anew after a reboot. */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

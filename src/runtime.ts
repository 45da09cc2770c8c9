import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { TelpherError } from './model/errors.ts'

/** What a process was started with. */
export interface Started {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Node's own options, from its command line. */
  readonly execArgv: readonly string[]
}

/** With these anybody who reaches the port, or may write there, reads whatever is in the memory of the process. */
const opens = /^--(?:inspect(?!-publish-uid)|heapsnapshot|heap-prof|report-on|diagnostic-dir|cpu-prof)/

const optionsOf = ({ env, execArgv }: Started): readonly string[] => [...execArgv, ...(env['NODE_OPTIONS'] ?? '').split(/\s+/)]

/**
 * Servers and workers hold credentials, so they run with no debugger, write no picture of their memory, and check every certificate
 * (nodejs.org/api/cli.html: NODE_TLS_REJECT_UNAUTHORIZED, --inspect, --heapsnapshot-signal).
 * @throws TelpherError unsafe_process that names what has to go
 */
export const mustBeSafe = (started: Started): void => {
  if (started.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0')
    throw new TelpherError('unsafe_process', 'NODE_TLS_REJECT_UNAUTHORIZED=0 switches the check of certificates off', {
      field: 'NODE_TLS_REJECT_UNAUTHORIZED',
    })
  const option = optionsOf(started).find((each) => opens.test(each))
  if (option === undefined) return
  const field = option.split('=')[0] ?? option
  throw new TelpherError('unsafe_process', `${field} shows the memory of a process that holds credentials`, { field })
}

/** The soft and the hard limit of core files, as proc(5) has them; undefined where there is no such file. */
const coreLimits = (): string | undefined => {
  try {
    return /^Max core file size\s+(\S+\s+\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]?.replace(/\s+/, ' ')
  } catch {
    return undefined
  }
}

/**
 * Sees to it that a crash of this process, and of those that it starts, writes no picture of its memory: by util-linux' prlimit, since Node cannot.
 * @throws TelpherError unsafe_process where core files are on and cannot be switched off
 */
export const forbidCoreFiles = (): void => {
  const limits = coreLimits()
  if (limits === undefined || limits === '0 0') return
  spawnSync('prlimit', ['--pid', String(process.pid), '--core=0:0'], { stdio: 'ignore', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } })
  if (coreLimits() === '0 0') return
  throw new TelpherError(
    'unsafe_process',
    'a crash would write its memory to a core file: start it after `ulimit -c 0`, or in a container with --ulimit core=0',
    {
      field: 'ulimit -c',
    },
  )
}

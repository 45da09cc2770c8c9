import { globSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { installLine, installPackages, mayInstall } from '../../src/sandbox/setup/packages.ts'

const packageName = 'libfaketime'
const find = (): string | undefined => globSync('/usr/lib/*/faketime/libfaketime.so.1')[0]

/** A time of day that a process believes in. */
export interface FakeClock {
  readonly env: Readonly<Record<string, string>>
  /** Sets it so many seconds off. */
  set(seconds: number): Promise<void>
}

/** Where the library is; installs it where that is allowed. @throws Error with the line to run where it is not */
export const faketimeLibrary = async (): Promise<string> => {
  if (find() === undefined && !mayInstall()) throw new Error(`clocks that step need ${packageName}: ${installLine([packageName])}`)
  if (find() === undefined) await installPackages([packageName])
  return find() ?? ''
}

/**
 * @param library of faketimeLibrary
 * @param file says how far it is off; read again every second
 */
export const fakeClock = async (library: string, file: string): Promise<FakeClock> => {
  const set = (seconds: number): Promise<void> => writeFile(file, `${seconds < 0 ? '' : '+'}${seconds}s\n`)
  await set(0)
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      // Only the time of day steps in real life.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    set,
  }
}

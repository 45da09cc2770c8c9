import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { withLock } from '../lock.ts'
import { cacheDir } from '../paths.ts'
import { buildBinary } from './build.ts'
import { downloadBinary } from './download.ts'
import { type BinaryName, binaryKey } from './versions.ts'

const binDir = (): string => `${cacheDir()}/bin`

/** Where a program of the sandbox lies once the set-up has run. */
export const binaryPath = (name: BinaryName): string => `${binDir()}/${binaryKey(name)}/${name}`

/** The programs that the set-up still has to get. */
export const missingBinaries = (names: readonly BinaryName[]): BinaryName[] => names.filter((name) => !existsSync(binaryPath(name)))

/**
 * Gets a program into the cache: the official release where it can be reached, else built from its Go modules.
 * Whole or not at all (made beside its place, then renamed), and by one process at a time.
 * @param go gives the Go command; asked only when something must be built
 * @param onWait told the pid of another process that is getting it right now
 */
export const installBinary = async (name: BinaryName, go: () => Promise<string>, onWait?: (pid: number) => void): Promise<void> => {
  const target = `${binDir()}/${binaryKey(name)}`
  await withLock(
    `${binDir()}/${binaryKey(name)}.lock`,
    async () => {
      if (existsSync(binaryPath(name))) return
      await mkdir(binDir(), { recursive: true })
      const made = await mkdtemp(`${binDir()}/.new-`)
      try {
        if (!(await downloadBinary(name, made))) await buildBinary(await go(), name, made)
        await chmod(`${made}/${name}`, 0o755)
        await chmod(made, 0o755)
        await rename(made, target)
      } finally {
        await rm(made, { recursive: true, force: true })
      }
    },
    onWait,
  )
}

import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { withLock } from '../lock.ts'
import { cacheDir } from '../paths.ts'
import { buildBinary } from './build.ts'
import { downloadBinary } from './download.ts'
import { type BinaryName, type Program, programKey, sandboxProgram } from './versions.ts'

const binDir = (): string => `${cacheDir()}/bin`

/** Where a program lies once it was installed. */
export const programPath = (program: Program): string => `${binDir()}/${programKey(program)}/${program.name}`

/** Where a program of the sandbox lies once the set-up has run. */
export const binaryPath = (name: BinaryName): string => programPath(sandboxProgram(name))

/** The programs that the set-up still has to get. */
export const missingBinaries = (names: readonly BinaryName[]): BinaryName[] => names.filter((name) => !existsSync(binaryPath(name)))

/**
 * Gets a program into the cache: the official release where it can be reached, else built from its Go modules.
 * Whole or not at all (made beside its place, then renamed), and by one process at a time.
 * @param go gives the Go command; asked only when something must be built
 * @param onWait told the pid of another process that is getting it right now
 */
export const installProgram = async (program: Program, go: () => Promise<string>, onWait?: (pid: number) => void): Promise<void> => {
  const target = `${binDir()}/${programKey(program)}`
  await withLock(
    `${target}.lock`,
    async () => {
      if (existsSync(programPath(program))) return
      await mkdir(binDir(), { recursive: true })
      const made = await mkdtemp(`${binDir()}/.new-`)
      try {
        if (!(await downloadBinary(program, made))) await buildBinary(await go(), program, made)
        await chmod(`${made}/${program.name}`, 0o755)
        await chmod(made, 0o755)
        await rename(made, target)
      } finally {
        await rm(made, { recursive: true, force: true })
      }
    },
    onWait,
  )
}

/** Gets a program of the sandbox, like installProgram. */
export const installBinary = (name: BinaryName, go: () => Promise<string>, onWait?: (pid: number) => void): Promise<void> =>
  installProgram(sandboxProgram(name), go, onWait)

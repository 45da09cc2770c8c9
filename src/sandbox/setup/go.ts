import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { TelpherError } from '../../model/errors.ts'
import { withLock } from '../lock.ts'
import { architecture, cacheDir } from '../paths.ts'
import { run } from '../run.ts'
import { downloadModule } from './goModule.ts'
import { oldestGo, versions } from './versions.ts'

const cachedGo = (): string => `${cacheDir()}/go-${versions.go}/bin/go`

const minor = (version: string): number => Number(/^(?:go)?1\.(\d+)/.exec(version)?.[1] ?? 0)

/** The Go command of this machine, or the one that an earlier set-up got. @returns undefined when there is none that is new enough */
export const findGo = async (): Promise<string | undefined> => {
  for (const go of ['go', '/usr/local/go/bin/go', cachedGo()]) {
    const version = await run(go, ['env', 'GOVERSION'], { env: { ...process.env, GOTOOLCHAIN: 'local' } }).catch(() => '')
    if (minor(version) >= minor(oldestGo)) return go
  }
  return undefined
}

/** SHA-256 tree hashes of the toolchains, as the checksum database has them: https://sum.golang.org/lookup/golang.org/toolchain@VERSION */
const sums = {
  amd64: 'h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=',
  arm64: 'h1:sYL/O6MqS68ML0kjsQ36WoYIpJqkw60TxizWUYUKQMc=',
} as const

/**
 * Gets the Go toolchain from the module proxy, where `go` itself would get it, and checks it against the pinned hash.
 * @throws Error when the proxy cannot be reached or the hash differs
 */
export const installGo = (): Promise<void> =>
  withLock(`${cacheDir()}/go.lock`, async () => {
    if (existsSync(cachedGo())) return
    await mkdir(cacheDir(), { recursive: true })
    const made = await mkdtemp(`${cacheDir()}/.new-go-`)
    try {
      const version = `v0.0.1-go${versions.go}.linux-${architecture()}`
      await downloadModule({
        path: 'golang.org/toolchain',
        version,
        sum: sums[architecture()],
        into: made,
        isProgram: (name) => /^(bin|pkg\/tool)\//.test(name),
      })
      await rename(made, `${cacheDir()}/go-${versions.go}`)
    } finally {
      await rm(made, { recursive: true, force: true })
    }
  })

/**
 * The Go command to build with.
 * @throws TelpherError usage that says what to do when there is none and it cannot be had
 */
export const goCommand = async (): Promise<string> => {
  const found = await findGo()
  if (found !== undefined) return found
  await installGo().catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    const hint = `Install Go ${oldestGo} or newer from https://go.dev/dl, or set GOPROXY to a module proxy that can be reached`
    throw new TelpherError('usage', `No Go toolchain is here, and it cannot be downloaded: ${why}. ${hint}.`, { cause })
  })
  return cachedGo()
}

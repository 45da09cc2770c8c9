import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { withLock } from './lock.ts'
import { type Architecture, architecture, cacheDir, checkout } from './paths.ts'
import { run } from './run.ts'
import { goCommand } from './setup/go.ts'

const sources = `${checkout}containers/shim`

/** Hash of what the shim is built from: tests are no part of it. */
const hashSources = async (arch: Architecture): Promise<string> => {
  const files = (await readdir(sources)).filter((name) => /^go\.(mod|sum)$|(?<!_test)\.go$/.test(name)).sort()
  const hash = createHash('sha256').update(arch)
  for (const name of files) hash.update(`\0${name}\0`).update(await readFile(`${sources}/${name}`))
  return hash.digest('hex').slice(0, 16)
}

/**
 * The static shim, built when its sources changed.
 * @param arch this machine's when absent; Go compiles for the other one as well
 * @returns path of the binary, in the cache, named by the hash of its sources
 * @throws Error with the compiler's messages
 */
export const shimPath = async (arch: Architecture = architecture()): Promise<string> => {
  const folder = `${cacheDir()}/shim`
  const target = `${folder}/shim-${await hashSources(arch)}`
  if (existsSync(target)) return target
  await mkdir(folder, { recursive: true })
  await withLock(`${folder}/lock`, async () => {
    if (existsSync(target)) return
    const made = await mkdtemp(`${folder}/.new-`)
    try {
      const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', GOWORK: 'off', GOOS: 'linux', GOARCH: arch }
      await run(await goCommand(), ['build', '-trimpath', '-ldflags', '-s -w', '-o', `${made}/shim`, '.'], { cwd: sources, env })
      await rename(`${made}/shim`, target)
    } finally {
      await rm(made, { recursive: true, force: true })
    }
  })
  return target
}

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename } from 'node:path'
import { cacheDir } from '../../src/sandbox/paths.ts'
import { run } from '../../src/sandbox/run.ts'
import { goCommand } from '../../src/sandbox/setup/go.ts'

/**
 * Builds a Go program of the tests, static, when its sources changed.
 * @param sources its folder
 * @param complete adds to a copy of the folder what is not ours to keep: it is built there
 * @returns path of the binary, in the cache, named by the hash of its sources
 * @throws Error with the compiler's messages
 */
export const goProgram = async (
  sources: string,
  complete?: (folder: string, go: string, env: NodeJS.ProcessEnv) => Promise<void>,
): Promise<string> => {
  const hash = createHash('sha256')
  const isSource = (file: string): boolean => /(?:^|\/)go\.(mod|sum)$|\.go$/.test(file)
  for (const file of (await readdir(sources, { recursive: true })).filter(isSource).sort())
    hash.update(`\0${file}\0`).update(await readFile(`${sources}/${file}`))
  const name = basename(sources)
  const folder = `${cacheDir()}/${name}`
  const binary = `${folder}/${name}-${hash.digest('hex').slice(0, 16)}`
  if (existsSync(binary)) return binary
  await mkdir(folder, { recursive: true })
  const made = await mkdtemp(`${folder}/.new-`)
  try {
    const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', GOWORK: 'off' }
    const go = await goCommand()
    const cwd = complete === undefined ? sources : `${made}/sources`
    if (complete !== undefined) {
      await cp(sources, cwd, { recursive: true })
      await complete(cwd, go, env)
    }
    await run(go, ['build', '-trimpath', '-ldflags', '-s -w', '-o', `${made}/${name}`, '.'], { cwd, env })
    await rename(`${made}/${name}`, binary)
  } finally {
    await rm(made, { recursive: true, force: true })
  }
  return binary
}

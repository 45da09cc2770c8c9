import { existsSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { cacheDir } from '../../src/sandbox/paths.ts'
import { run } from '../../src/sandbox/run.ts'

/**
 * Valkey's server: that of TELPHER_REDIS_SERVER, or the one of Debian's backports, fetched by apt-get into a folder of our own. Nothing of
 * the machine's own lists and packages is changed.
 * @returns the path of the program
 * @throws Error when apt-get cannot fetch it
 */
export const valkeyServer = async (): Promise<string> => {
  const named = process.env['TELPHER_REDIS_SERVER']
  if (named !== undefined) return named
  const dir = `${cacheDir()}/valkey`
  const program = `${dir}/root/usr/bin/valkey-server`
  if (existsSync(program)) return program
  for (const folder of ['lists/partial', 'cache/archives/partial', 'root']) await mkdir(`${dir}/${folder}`, { recursive: true })
  await writeFile(`${dir}/sources.list`, 'deb http://deb.debian.org/debian bookworm-backports main\n')
  const settings = [
    `Dir::Etc::sourcelist=${dir}/sources.list`,
    'Dir::Etc::sourceparts=/dev/null',
    `Dir::State::lists=${dir}/lists`,
    `Dir::Cache=${dir}/cache`,
  ].flatMap((setting) => ['-o', setting])
  await run('apt-get', [...settings, 'update'])
  await run('apt-get', [...settings, 'download', 'valkey-server', 'valkey-tools'], { cwd: dir })
  for (const file of await readdir(dir)) if (file.endsWith('.deb')) await run('dpkg', ['-x', `${dir}/${file}`, `${dir}/root`])
  return program
}

import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { TelpherError } from '../../model/errors.ts'
import { withLock } from '../lock.ts'
import { type Architecture, architecture, cacheDir } from '../paths.ts'
import { run } from '../run.ts'

/** The static busybox of this machine (package busybox-static). */
export const ownBusybox = '/bin/busybox'

/** apt with lists, cache and state of its own, for another architecture: the system's are neither read nor changed, its keys are. */
const foreignApt = (folder: string, arch: Architecture): string[] =>
  [
    `APT::Architecture=${arch}`,
    `APT::Architectures=${arch}`,
    `Dir::State=${folder}/state`,
    `Dir::Cache=${folder}/cache`,
    'Dir::State::status=/dev/null',
    // As another user apt could not write into a folder that only this one may enter.
    'APT::Sandbox::User=root',
    'Acquire::Languages=none',
  ].flatMap((option) => ['-o', option])

const fetchPackage = async (folder: string, arch: Architecture): Promise<string> => {
  for (const part of ['state/lists/partial', 'cache/archives/partial']) await mkdir(`${folder}/${part}`, { recursive: true })
  const options = foreignApt(folder, arch)
  await run('apt-get', [...options, 'update', '-q'])
  await run('apt-get', [...options, 'download', '-q', 'busybox-static'], { cwd: folder })
  const found = (await readdir(folder)).find((name) => name.endsWith('.deb'))
  if (found === undefined) throw new Error('apt-get downloaded no package')
  return `${folder}/${found}`
}

const downloadBusybox = async (arch: Architecture, target: string): Promise<void> => {
  const made = await mkdtemp(`${cacheDir()}/.new-busybox-`)
  try {
    await run('dpkg-deb', ['-x', await fetchPackage(made, arch), `${made}/files`])
    const inside = ['bin/busybox', 'usr/bin/busybox'].map((path) => `${made}/files/${path}`).find((path) => existsSync(path))
    if (inside === undefined) throw new Error('the package has no busybox in it')
    await rename(inside, target)
  } finally {
    await rm(made, { recursive: true, force: true })
  }
}

/**
 * A static busybox for an architecture: this machine's own, or Debian's package for the other one, which apt checks by the
 * distribution's signature.
 * @returns its path; a downloaded one lies in the cache
 * @throws TelpherError usage that says what to do when there is none
 */
export const busyboxPath = async (arch: Architecture): Promise<string> => {
  if (arch === architecture()) {
    if (existsSync(ownBusybox)) return ownBusybox
    throw new TelpherError('usage', 'There is no static busybox here: apt-get install -y busybox-static, or name one with --busybox FILE', {
      field: '--busybox',
    })
  }
  const target = `${cacheDir()}/bin/busybox-${arch}`
  if (existsSync(target)) return target
  await mkdir(`${cacheDir()}/bin`, { recursive: true })
  await withLock(`${target}.lock`, async () => {
    if (!existsSync(target)) await downloadBusybox(arch, target)
  }).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new TelpherError(
      'usage',
      `The static busybox for ${arch} cannot be had from this distribution: name one with --busybox FILE. ${why}`,
      {
        field: '--busybox',
        cause,
      },
    )
  })
  return target
}

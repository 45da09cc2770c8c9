import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { engineAnswers, usualSocket } from '../dockerEngine.ts'
import { run } from '../run.ts'
import { withoutServices } from './policy.ts'

const folders = (): string[] => [...(process.env['PATH'] ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Whether a program is in the PATH, or in the sbin folders that a user's PATH may lack. */
const hasProgram = (name: string): boolean => folders().some((folder) => folder !== '' && isProgram(`${folder}/${name}`))

/** A dynamic program names its loader; in an image made of nothing else it could not start. */
const isStatic = (path: string): boolean => existsSync(path) && !readFileSync(path).subarray(0, 4096).includes('/ld-linux')

interface Need {
  readonly name: string
  readonly onlyRealNode?: true
  readonly isThere: () => boolean | Promise<boolean>
}

/** Debian's and Ubuntu's names of what the sandbox takes from the distribution. */
const needs: readonly Need[] = [
  { name: 'redis-server', isThere: () => hasProgram('redis-server') },
  { name: 'docker.io', isThere: async () => hasProgram('dockerd') || engineAnswers(usualSocket()) },
  { name: 'busybox-static', isThere: () => isStatic('/bin/busybox') },
  { name: 'ca-certificates', isThere: () => existsSync('/etc/ssl/certs/ca-certificates.crt') },
  { name: 'containerd', onlyRealNode: true, isThere: () => hasProgram('containerd') && hasProgram('ctr') && hasProgram('runc') },
  { name: 'containernetworking-plugins', onlyRealNode: true, isThere: () => existsSync('/usr/lib/cni/bridge') },
  { name: 'iproute2', onlyRealNode: true, isThere: () => hasProgram('ip') },
]

/** Names of the packages that the sandbox needs and this machine lacks. */
export const missingPackages = async (realNode: boolean): Promise<string[]> => {
  const asked = needs.filter(({ onlyRealNode }) => realNode || onlyRealNode !== true)
  const there = await Promise.all(asked.map(({ isThere }) => isThere()))
  return asked.filter((_, index) => there[index] === false).map(({ name }) => name)
}

/** Whether this process may install packages: root, on Debian, Ubuntu or another distribution with apt. */
export const mayInstall = (): boolean => process.getuid?.() === 0 && hasProgram('apt-get')

/** The line that installs packages, for a person to run. */
export const installLine = (packages: readonly string[]): string =>
  `${process.getuid?.() === 0 ? '' : 'sudo '}apt-get install -y --no-install-recommends ${packages.join(' ')}`

/** Units that these packages bring along: nobody asked for a Redis or an engine at the next boot. */
const units = ['redis-server.service', 'docker.service', 'docker.socket', 'containerd.service']

/**
 * Installs packages without starting their services, now or at the next boot.
 * @throws Error with the end of apt's output
 */
export const installPackages = async (packages: readonly string[]): Promise<void> => {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const before = new Set(units.filter((unit) => existsSync(`/lib/systemd/system/${unit}`)))
  // One unreachable source among several must not matter: the install says what is missing.
  await run('apt-get', ['update', '-q'], { env }).catch(() => undefined)
  await withoutServices(() =>
    run('apt-get', ['install', '-y', '-q', '-o', 'DPkg::Lock::Timeout=300', '--no-install-recommends', ...packages], { env }),
  )
  const fresh = units.filter((unit) => !before.has(unit) && existsSync(`/lib/systemd/system/${unit}`))
  if (fresh.length > 0 && hasProgram('systemctl')) await run('systemctl', ['disable', ...fresh]).catch(() => undefined)
}

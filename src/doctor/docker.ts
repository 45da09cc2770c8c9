import type { EngineFacts } from '../model/doctor.ts'
import { findImage } from '../model/image.ts'
import { quoted } from '../model/shell.ts'
import { type Finding, fail, type Looked, ok, skip, warn } from './finding.ts'
import type { CheckId } from './table.ts'

/** What came of a container like that of a step. */
export interface TrialFacts {
  /** Time until its shim said READY, in ms. */
  readonly readyMs: number
  /** The program of the trial: its exit code, and the network interfaces that it saw. */
  readonly code: number | null
  readonly interfaces: readonly string[]
}

export interface DockerFacts {
  readonly socket: string
  readonly image: string
  readonly engine: Looked<EngineFacts>
  /** Absent where it could not be tried. */
  readonly trial?: Looked<TrialFacts>
}

const family = ['docker-version', 'docker-seccomp', 'docker-limits', 'exec-image', 'container'] as const satisfies readonly CheckId[]

/** What most often stands between a user and the engine, by what the socket said. */
const reachFix = (trouble: string): string => {
  if (/EACCES|permission/i.test(trouble)) return 'sudo usermod -aG docker "$USER" && newgrp docker'
  if (/ENOENT/.test(trouble))
    return 'sudo apt-get install docker.io   (or name its socket: TELPHER_DOCKER_SOCKET; for trials: TELPHER_EXECUTOR=process)'
  return 'sudo systemctl start docker   (for trials without Docker: TELPHER_EXECUTOR=process)'
}

const judgeVersion = ({ version }: EngineFacts): Finding => {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  return major > 20 || (major === 20 && minor >= 10)
    ? ok('docker-version', version)
    : fail('docker-version', `${version}, older than 20.10`, 'sudo apt-get install --only-upgrade docker.io')
}

const judgeSeccomp = ({ seccomp, userNamespaces, rootless }: EngineFacts): Finding => {
  const more = [userNamespaces ? 'user namespaces on' : 'user namespaces off', ...(rootless ? ['rootless'] : [])].join(', ')
  if (seccomp === 'default') return ok('docker-seccomp', `its default profile; ${more}`)
  const seen = seccomp === 'none' ? 'the engine has no seccomp' : 'the engine runs containers without a profile'
  return fail('docker-seccomp', seen, 'Remove "seccomp-profile" from /etc/docker/daemon.json, then: sudo systemctl restart docker')
}

const judgeLimits = ({ cgroupVersion, limits }: EngineFacts): Finding => {
  const missing = (['memory', 'cpu', 'pids'] as const).filter((limit) => !limits[limit])
  const seen = `cgroup v${cgroupVersion}`
  if (missing.length > 0)
    return fail(
      'docker-limits',
      `${seen}: ${missing.join(', ')} cannot be limited`,
      'Boot with cgroup_enable=memory, or use systemd and cgroup v2: docker info',
    )
  return limits.swap
    ? ok('docker-limits', `${seen}: memory, swap, processors and processes`)
    : ok('docker-limits', `${seen}: memory, processors and processes; swap is not accounted`)
}

/** How an image gets here: ours are built, others pulled. */
const imageFix = (image: string): string => {
  const known = findImage(image)
  return known === undefined
    ? `docker pull ${quoted(image)}`
    : `telpher image build ${known.name}   (or from a file: telpher image load FILE)`
}

const judgeImage = ({ hasImage }: EngineFacts, image: string): Finding =>
  hasImage ? ok('exec-image', image) : fail('exec-image', `${image} is not on this engine`, imageFix(image))

const judgeTrial = (trial: Looked<TrialFacts> | undefined): Finding => {
  if (trial === undefined) return skip('container', 'not tried: what it needs is missing')
  if (trial.facts === undefined)
    return fail('container', trial.trouble, 'docker info   (see its warnings, and the log of the engine: journalctl -u docker)')
  const { readyMs, code, interfaces } = trial.facts
  const seen = `ready after ${readyMs} ms`
  if (code !== 0)
    return fail('container', `${seen}, but its program ended with ${code}`, 'Use an execution image with a shell and ls: TELPHER_IMAGE')
  const others = interfaces.filter((name) => name !== 'lo')
  return others.length === 0
    ? ok('container', `${seen}, without network, removed`)
    : fail('container', `it sees a network: ${others.join(', ')}`, 'Remove plugins of the engine that add networks: docker plugin ls')
}

/** Checks of a Docker engine, and of a container like that of a step. */
export const judgeDocker = ({ socket, image, engine, trial }: DockerFacts): Finding[] => {
  if (engine.facts === undefined)
    return [
      fail('docker', `${socket}: ${engine.trouble}`, reachFix(engine.trouble)),
      ...family.map((id) => skip(id, 'Docker was not reached')),
    ]
  const { facts } = engine
  return [
    ok('docker', `answers at ${socket}`),
    judgeVersion(facts),
    judgeSeccomp(facts),
    judgeLimits(facts),
    judgeImage(facts, image),
    judgeTrial(trial),
  ]
}

/** With the process executor there is nothing to look at. */
export const skipDocker = (): Finding[] => (['docker', ...family] as const).map((id) => skip(id, 'TELPHER_EXECUTOR=process uses no Docker'))

/** The programs that steps use without Docker. @param looked absent with Docker */
export const judgePrograms = (looked: Looked<readonly string[]> | undefined): Finding => {
  if (looked === undefined) return skip('programs', 'they are in the execution image')
  return looked.facts === undefined
    ? fail('programs', looked.trouble, 'Put kubectl and helm 4 into the PATH; npm run dev puts them into its cache.')
    : warn(
        'programs',
        `${looked.facts.join(', ')}; steps run without isolation`,
        'Use it for trials only; workers with Docker: unset TELPHER_EXECUTOR',
      )
}

import { isDeepStrictEqual } from 'node:util'
import { TelpherError } from '../model/errors.ts'
import type { DockerSpec } from './dockerSpec.ts'

/** One field of the engine's inspect answer that must be as said. */
export interface HardeningRule {
  /** Path in the inspect answer, such as `HostConfig.NetworkMode`. */
  readonly field: string
  readonly expected: unknown
}

export interface EngineFacts {
  /** Whether the kernel accounts swap; without it the engine answers `MemorySwap: -1` and memory alone is limited. */
  readonly swapLimit: boolean
}

export interface Deviation extends HardeningRule {
  readonly found: unknown
}

/** The refusal of a container, or of an engine, that is not as it must be. */
export const deviates = ({ field, expected, found }: Deviation): TelpherError =>
  new TelpherError(
    'container_deviates',
    `The engine made ${field} ${JSON.stringify(found) ?? 'absent'}, not ${JSON.stringify(expected) ?? 'absent'}: the container was not started`,
    { field },
  )

/** Must be absent, or the zero of its type: the engine writes null, [], {}, '' and false for the same thing. */
const nothing = undefined

const empty = [
  'HostConfig.Privileged',
  'HostConfig.Binds',
  'HostConfig.VolumesFrom',
  'HostConfig.CapAdd',
  'HostConfig.Devices',
  'HostConfig.DeviceRequests',
  'HostConfig.DeviceCgroupRules',
  'HostConfig.GroupAdd',
  'HostConfig.PidMode',
  'HostConfig.UTSMode',
  'HostConfig.UsernsMode',
  'HostConfig.PortBindings',
  'HostConfig.PublishAllPorts',
  'HostConfig.Links',
  'HostConfig.ExtraHosts',
  'HostConfig.Sysctls',
  'HostConfig.StorageOpt',
  'HostConfig.CgroupParent',
  'HostConfig.OomKillDisable',
  'HostConfig.OomScoreAdj',
  'HostConfig.AutoRemove',
  'HostConfig.Init',
  'Config.Tty',
  'Config.Cmd',
] as const

const asAsked = [
  'HostConfig.NetworkMode',
  'HostConfig.ReadonlyRootfs',
  'HostConfig.CapDrop',
  'HostConfig.SecurityOpt',
  'HostConfig.PidsLimit',
  'HostConfig.Memory',
  'HostConfig.NanoCpus',
  'HostConfig.LogConfig',
  'HostConfig.Ulimits',
  'HostConfig.Tmpfs',
  'HostConfig.IpcMode',
  'HostConfig.CgroupnsMode',
] as const

const asAskedOfConfig = ['User', 'Entrypoint', 'WorkingDir', 'OpenStdin', 'StdinOnce', 'StopSignal'] as const

// What the engine hides by default of /proc and /sys; systempaths=unconfined would empty both.
const maskedPaths = ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware']
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

/** The rules that a created container must meet before it is started (threat T20, requirement SEC-29). Pure. */
export const hardeningOf = (asked: DockerSpec, facts: EngineFacts): readonly HardeningRule[] => [
  ...empty.map((field) => ({ field, expected: nothing })),
  ...asAsked.map((field) => ({ field, expected: at(asked, field) })),
  ...asAskedOfConfig.map((name) => ({ field: `Config.${name}`, expected: at(asked, name) })),
  { field: 'HostConfig.MemorySwap', expected: facts.swapLimit ? asked.HostConfig.MemorySwap : -1 },
  { field: 'HostConfig.RestartPolicy.Name', expected: 'no' },
  { field: 'Config.Healthcheck.Test', expected: ['NONE'] },
  ...(asked.HostConfig.Runtime === undefined ? [] : [{ field: 'HostConfig.Runtime', expected: asked.HostConfig.Runtime }]),
  {
    field: 'Mounts',
    expected: (asked.HostConfig.Mounts ?? []).map(({ Type, Source, Target }) => ({ Type, From: Source, Destination: Target, RW: false })),
  },
  { field: 'HostConfig.MaskedPaths', expected: { includes: maskedPaths } },
  { field: 'HostConfig.ReadonlyPaths', expected: { includes: readonlyPaths } },
  { field: 'AppArmorProfile', expected: { not: 'unconfined' } },
]

/**
 * Compares what the engine made of a container with what was asked.
 * @param inspected the engine's inspect answer, before the start
 * @returns the first field that differs, or undefined
 */
export const deviationOf = (inspected: unknown, asked: DockerSpec, facts: EngineFacts): Deviation | undefined => {
  for (const rule of hardeningOf(asked, facts)) {
    const found = at(inspected, rule.field)
    if (!meets(rule, found)) return { ...rule, found }
  }
  return undefined
}

const meets = ({ field, expected }: HardeningRule, found: unknown): boolean => {
  if (expected === nothing) return isEmpty(found)
  if (field === 'Mounts') return isDeepStrictEqual(mountsOf(found), expected)
  if (isObject(expected) && Array.isArray(expected['includes']))
    return Array.isArray(found) && expected['includes'].every((path) => found.includes(path))
  if (isObject(expected) && 'not' in expected) return found !== expected['not']
  return isDeepStrictEqual(plain(found), plain(expected))
}

// Only what decides: the place of a volume differs from host to host. tmpfs mounts are listed by some engines and checked as HostConfig.Tmpfs.
const mountsOf = (found: unknown): unknown =>
  (Array.isArray(found) ? found : [])
    .filter((mount) => at(mount, 'Type') !== 'tmpfs')
    .map((mount) => ({
      Type: at(mount, 'Type'),
      From: at(mount, at(mount, 'Type') === 'volume' ? 'Name' : 'Source'),
      Destination: at(mount, 'Destination'),
      RW: at(mount, 'RW'),
    }))
    .sort((a, b) => (String(a.Type) < String(b.Type) ? 1 : -1))

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  value === '' ||
  value === 0 ||
  (typeof value === 'object' && Object.keys(value).length === 0)

const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((inner, name) => (isObject(inner) ? inner[name] : undefined), value)

// Key order and prototypes are the engine's and the library's affair.
const plain = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(plain)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, plain(value[name])]),
  )
}

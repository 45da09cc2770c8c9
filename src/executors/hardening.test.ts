import { describe, expect, test } from 'vitest'
import { dockerSpec } from './dockerSpec.ts'
import { deviationOf, hardeningOf } from './hardening.ts'

const asked = dockerSpec(
  { image: 'i', labels: { 'telpher.pool': 'p' }, memoryBytes: 2 ** 28, cpus: 1, pids: 64, scratchBytes: 2 ** 24 },
  { shimVolume: 'telpher-shim-1', runtime: 'runc' },
)
const facts = { swapLimit: true }

// What an engine answers to inspect for this container: 20.10's answer, cut to what counts, with its own zeros.
const inspected = (): Record<string, Record<string, unknown> & unknown[]> =>
  structuredClone({
    Config: { ...asked, HostConfig: undefined, Cmd: null, Healthcheck: { Test: ['NONE'] } },
    HostConfig: {
      ...asked.HostConfig,
      Binds: null,
      CapAdd: null,
      Devices: [],
      DeviceRequests: null,
      PortBindings: {},
      PidMode: '',
      OomKillDisable: false,
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      MaskedPaths: ['/proc/asound', '/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
      ReadonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
    Mounts: [{ Type: 'volume', Name: 'telpher-shim-1', Source: '/var/lib/x', Destination: '/.telpher', RW: false, Propagation: '' }],
    AppArmorProfile: '',
  }) as never

const put = (path: string, value: unknown): unknown => {
  const root = inspected() as unknown as Record<string, unknown>
  const names = path.split('.')
  const last = names.pop() ?? ''
  const inner = names.reduce<Record<string, unknown>>((outer, name) => outer[name] as Record<string, unknown>, root)
  inner[last] = value
  return root
}

describe('deviationOf', () => {
  test('finds nothing in a container that is as asked', () => {
    expect(deviationOf(inspected(), asked, facts)).toBeUndefined()
  })

  const changes: readonly (readonly [string, unknown])[] = [
    ['HostConfig.NetworkMode', 'bridge'],
    ['HostConfig.NetworkMode', 'host'],
    ['HostConfig.ReadonlyRootfs', false],
    ['HostConfig.Privileged', true],
    ['HostConfig.CapAdd', ['SYS_ADMIN']],
    ['HostConfig.CapDrop', []],
    ['HostConfig.CapDrop', ['NET_RAW']],
    ['HostConfig.SecurityOpt', null],
    ['HostConfig.SecurityOpt', ['no-new-privileges', 'seccomp=unconfined']],
    ['HostConfig.Binds', ['/:/host']],
    ['HostConfig.VolumesFrom', ['other']],
    ['HostConfig.Devices', [{ PathOnHost: '/dev/kmsg' }]],
    ['HostConfig.DeviceRequests', [{ Count: -1 }]],
    ['HostConfig.PidMode', 'host'],
    ['HostConfig.UTSMode', 'host'],
    ['HostConfig.UsernsMode', 'host'],
    ['HostConfig.IpcMode', 'host'],
    ['HostConfig.CgroupnsMode', 'host'],
    ['HostConfig.CgroupParent', '/'],
    ['HostConfig.PidsLimit', null],
    ['HostConfig.Memory', 0],
    ['HostConfig.MemorySwap', -1],
    ['HostConfig.NanoCpus', 0],
    ['HostConfig.LogConfig', { Type: 'json-file', Config: {} }],
    ['HostConfig.Ulimits', []],
    ['HostConfig.Tmpfs', { '/work': '' }],
    ['HostConfig.PortBindings', { '80/tcp': [{}] }],
    ['HostConfig.Sysctls', { 'net.ipv4.ip_forward': '1' }],
    ['HostConfig.RestartPolicy.Name', 'always'],
    ['HostConfig.AutoRemove', true],
    ['HostConfig.Init', true],
    ['HostConfig.OomKillDisable', true],
    ['HostConfig.Runtime', 'other'],
    ['HostConfig.MaskedPaths', []],
    ['HostConfig.ReadonlyPaths', null],
    ['Config.User', ''],
    ['Config.User', '0:0'],
    ['Config.Entrypoint', ['/bin/sh']],
    ['Config.Cmd', ['-c']],
    ['Config.Healthcheck', { Test: ['CMD', 'curl'] }],
    ['Config.OpenStdin', false],
    ['Config.StdinOnce', false],
    ['Config.Tty', true],
    ['AppArmorProfile', 'unconfined'],
    ['Mounts', []],
    ['Mounts', [...(inspected()['Mounts'] ?? []), { Type: 'volume', Name: 'anonymous', Destination: '/data', RW: true }]],
    ['Mounts', [{ Type: 'volume', Name: 'telpher-shim-1', Destination: '/.telpher', RW: true }]],
  ]

  test.each(changes)('names %s when it is %j', (field, value) => {
    const found = deviationOf(put(field, value), asked, facts)
    expect(found?.field.startsWith(field)).toBe(true)
  })

  describe('with a door', () => {
    const door = '/var/lib/telpher/tether/1-00'
    const withDoor = dockerSpec(
      { image: 'i', labels: {}, memoryBytes: 2 ** 28, cpus: 1, pids: 64, scratchBytes: 2 ** 24 },
      { shimVolume: 'telpher-shim-1', runtime: 'runc', door },
    )
    const mounted = (changes: object): unknown => {
      const bind = { Type: 'bind', Source: door, Destination: '/.tether', RW: false, ...changes }
      return put('Mounts', [bind, ...(inspected()['Mounts'] ?? [])])
    }

    test('takes the door that was asked for, in any order', () => {
      expect(deviationOf(mounted({}), withDoor, facts)).toBeUndefined()
    })

    test.each([{ Source: '/var/run/docker.sock' }, { Destination: '/work' }, { RW: true }, { Type: 'volume' }])(
      'names a mount with %j',
      (changes) => {
        expect(deviationOf(mounted(changes), withDoor, facts)?.field).toBe('Mounts')
      },
    )

    test('names a door that nobody asked for, and one that is not there', () => {
      expect(deviationOf(mounted({}), asked, facts)?.field).toBe('Mounts')
      expect(deviationOf(inspected(), withDoor, facts)?.field).toBe('Mounts')
    })
  })

  test('looks at every field that was asked for and at those that nobody asked for', () => {
    expect(hardeningOf(asked, facts).length).toBeGreaterThanOrEqual(40)
  })

  test('takes an unlimited swap only from an engine whose kernel does not account it', () => {
    const unlimited = put('HostConfig.MemorySwap', -1)
    expect(deviationOf(unlimited, asked, { swapLimit: false })).toBeUndefined()
    expect(deviationOf(unlimited, asked, { swapLimit: true })?.field).toBe('HostConfig.MemorySwap')
  })

  test.each([undefined, null, {}, 'x', { HostConfig: null }])('refuses an answer that is no answer: %j', (answer) => {
    expect(deviationOf(answer, asked, facts)).toBeDefined()
  })
})

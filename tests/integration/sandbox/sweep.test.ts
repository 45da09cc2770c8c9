import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { cgroupPaths, deviceNames } from '../../../src/sandbox/names.ts'
import { identify } from '../../../src/sandbox/procfs.ts'
import { claimState, stateId } from '../../../src/sandbox/state.ts'
import { marker } from '../../../src/sandbox/sweep.ts'
import { eventually } from '../../support/eventually.ts'
import { ownRedis } from '../../support/sandbox.ts'
import { sandboxChild } from '../../support/sandbox-child.ts'

const dir = mkdtempSync(join(tmpdir(), 'telpher-sweep-'))
const id = stateId(dir)

const marked = (): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`${marker}=${id}`) && identify(Number(pid)) !== undefined
    } catch {
      return false
    }
  })

const mounts = (): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(` ${dir}/`))

const devices = (): string[] => deviceNames(id).filter((name) => name in networkInterfaces() || existsSync(`/sys/class/net/${name}`))

const cgroups = (): string[] => cgroupPaths(id).filter((path) => existsSync(path))

const running = sandboxChild(`
  import { startCluster } from 'SANDBOX/cluster.ts'
  const cluster = await startCluster({ dir: ${JSON.stringify(dir)}, node: 'real', temporary: true })
  const container = { name: 'c', image: 'example.test/busybox:1', command: ['sleep', '1000'] }
  await cluster.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'sleeper' }, spec: { containers: [container] } })
  await cluster.kubectl('wait', '--for=condition=Ready', 'pod/sleeper', '--timeout=60s')
  console.log('up')
  setInterval(() => {}, 1000)
`)
afterAll(() => running.kill())

test('a killed parent leaves nothing once anything is started again', async () => {
  expect(await running.line()).toBe('up')
  await running.kill()
  // What makes this test worth something: all of it outlived the parent.
  expect(marked().length).toBeGreaterThan(4)
  expect(mounts().length).toBeGreaterThan(2)
  expect(devices()).toHaveLength(2)
  expect(cgroups().length).toBeGreaterThan(0)

  const redis = await ownRedis()
  await redis.stop()
  expect({ marked: marked(), mounts: mounts(), devices: devices(), cgroups: cgroups(), folder: existsSync(dir) }).toEqual({
    marked: [],
    mounts: [],
    devices: [],
    cgroups: [],
    folder: false,
  })
})

test('a folder is used by one living process at a time', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'telpher-taken-'))
  const claim = `
    import { claimState } from 'SANDBOX/state.ts'
    await claimState(${JSON.stringify(folder)}, { temporary: true })
    console.log(process.pid)
    setInterval(() => {}, 1000)
  `
  const first = sandboxChild(claim)
  const pid = await first.line()
  await expect(claimState(folder)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(`process ${pid}`) })
  await first.kill()
  const state = await eventually(() => claimState(folder, { temporary: true }))
  state.release()
  expect(existsSync(folder)).toBe(false)
})

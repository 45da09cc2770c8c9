import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkIds, checkRow } from '../../../src/doctor/table.ts'
import { connectEngine } from '../../../src/executors/engine.ts'
import type { DoctorCheck, DoctorReport } from '../../../src/model/doctor.ts'
import { connectionOf, poolPrefix } from '../../../src/queue/connection.ts'
import { execImage } from '../../../src/sandbox/execImage.ts'
import { shimPath } from '../../../src/sandbox/shim.ts'
import { eventually } from '../../support/eventually.ts'
import { sampleWorker } from '../../support/samples.ts'
import { ownRedis, sharedDocker, sharedRedis } from '../../support/sandbox.ts'
import { freshName, newTarget, type ServedApi, serveApi } from '../server/api.ts'
import { createTestCli, type Ran, runAlone, type TestCli } from './cli.ts'

const reportIn = ({ stdout }: Ran): DoctorReport => JSON.parse(stdout) as DoctorReport
const find = (report: DoctorReport, id: string): DoctorCheck | undefined => report.checks.find((check) => check.id === id)

let served: ServedApi
let cli: TestCli
beforeAll(async () => {
  served = await serveApi()
  cli = await createTestCli(served)
})
afterAll(() => served.close())

describe('doctor --pre', () => {
  let env: Record<string, string>
  beforeAll(async () => {
    const { socketPath } = await sharedDocker()
    const data = await mkdtemp(join(tmpdir(), 'telpher-doctor-'))
    env = {
      TELPHER_DATA_DIR: data,
      TELPHER_REDIS_URL: await sharedRedis(),
      TELPHER_DOCKER_SOCKET: socketPath,
      TELPHER_SHIM: await shimPath(),
      TELPHER_IMAGE: execImage,
      TELPHER_PORT: '0',
    }
  })
  const pre = (more: Record<string, string> = {}) => cli.run(['doctor', '--pre', '-o', 'json'], { env: { ...env, ...more } })

  test('a machine that is ready passes every check, a real container without network among them, and nothing is left of it', async () => {
    const ran = await pre()
    const report = reportIn(ran)
    const made = checkIds.filter((id) => (checkRow(id).places as readonly string[]).includes('pre'))
    // Of several servers of Redis each is looked at.
    expect([...new Set(report.checks.map(({ id }) => id))]).toEqual(made)
    expect(report.checks.filter(({ status }) => status === 'fail')).toEqual([])
    expect(ran.code).toBe(0)
    expect(find(report, 'container')).toMatchObject({ status: 'ok', seen: expect.stringContaining('without network') })
    expect(find(report, 'clock')).toMatchObject({ status: 'ok', subject: 'this machine' })
    expect(find(report, 'redis-version')?.status).toBe('ok')
    const docker = connectEngine(env['TELPHER_DOCKER_SOCKET'] ?? '')
    const left = () => docker.listContainers({ all: true, filters: { label: ['telpher.doctor'] } })
    await eventually(async () => (await left()).length === 0)
  })

  test('what is wrong is named, each with its fix, and nothing waits for what hangs', async () => {
    const data = env['TELPHER_DATA_DIR'] ?? ''
    await writeFile(join(data, 'token'), 'x', { mode: 0o644 })
    await chmod(join(data, 'token'), 0o644)
    // A socket that takes the question and never answers, in place of an engine.
    const hanging = createServer(() => {})
    const socket = join(data, 'hanging.sock')
    await new Promise<void>((resolve) => hanging.listen(socket, resolve))
    const redis = await ownRedis({ 'maxmemory-policy': 'allkeys-lru', appendonly: 'no' })
    const taken = createServer((_request, response) => response.end('another program'))
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const port = String((taken.address() as AddressInfo).port)
    const began = performance.now()
    const ran = await pre({ TELPHER_REDIS_URL: redis.url, TELPHER_DOCKER_SOCKET: socket, TELPHER_PORT: port, TELPHER_PROT: '1' })
    expect(performance.now() - began).toBeLessThan(15_000)
    expect(ran.code).toBe(10)
    const report = reportIn(ran)
    expect(report.checks.filter(({ status }) => status === 'fail').map(({ id }) => id)).toEqual([
      'token-file',
      'port',
      'docker',
      'redis-eviction',
      'redis-persistence',
    ])
    expect(find(report, 'token-file')?.fix).toBe(`chmod 0400 ${join(data, 'token')}`)
    expect(find(report, 'docker')?.seen).toMatch(/no answer/)
    expect(find(report, 'config')).toMatchObject({ status: 'warn', seen: expect.stringContaining('TELPHER_PROT') })
    hanging.closeAllConnections()
    await Promise.all([hanging, taken].map((server) => new Promise((resolve) => server.close(resolve))))
    await redis.stop()
  })

  test('a password in the address of Redis is shown nowhere', async () => {
    const [, host, port] = /\/\/([^:]+):(\d+)/.exec(env['TELPHER_REDIS_URL'] ?? '') ?? []
    for (const url of [`redis://ana:hunter2@${host}:${port}`, 'redis://:hunter2@127.0.0.1:9', 'redis://:hunter2@x y']) {
      const { stdout, stderr } = await pre({ TELPHER_REDIS_URL: url, TELPHER_DOCKER_SOCKET: '/nonexistent' })
      expect(find(JSON.parse(stdout) as DoctorReport, url.includes(' ') ? 'config' : 'redis')?.status).toBe('fail')
      expect(`${stdout}${stderr}`).not.toContain('hunter2')
    }
  })

  test('without Docker the programs of the machine are looked at in its place', async () => {
    const report = reportIn(await pre({ TELPHER_EXECUTOR: 'process', TELPHER_DOCKER_SOCKET: '/nonexistent', TELPHER_SHIM: '' }))
    expect(find(report, 'docker')?.status).toBe('skip')
    expect(find(report, 'shim')?.status).toBe('ok')
    expect(find(report, 'programs')).toMatchObject({
      status: 'warn',
      seen: expect.stringMatching(/kubectl, .*helm; steps run without isolation/),
    })
  })

  test('a server that listens there already is known as one', async () => {
    const { hostname, port } = new URL(served.url)
    const report = reportIn(await pre({ TELPHER_HOST: hostname, TELPHER_PORT: port, TELPHER_DOCKER_SOCKET: '/nonexistent' }))
    expect(find(report, 'port')).toMatchObject({ status: 'ok', seen: expect.stringContaining('a Telpher server listens') })
  })
})

describe('doctor of a server', () => {
  test('is what is looked at when one is named; its checks and those of the way to it are one report', async () => {
    const ran = await cli.run(['doctor', '-o', 'json'])
    const report = reportIn(ran)
    const made = checkIds.filter((id) => (checkRow(id).places as readonly string[]).includes('server'))
    expect([...new Set(report.checks.map(({ id }) => id))]).toEqual(made)
    expect(find(report, 'server')?.status).toBe('ok')
    expect(report.checks.some(({ id, subject }) => id === 'clock' && subject === 'this machine')).toBe(true)
    expect(ran.code).toBe(report.summary.fail > 0 ? 10 : 0)
  })

  test('a server that is not there fails with its own exit code, and --pre beside it is still shown', async () => {
    const lost = await cli.run(['--server', 'http://127.0.0.1:9', 'doctor', '-o', 'json'])
    expect(lost.code).toBe(3)
    expect(reportIn(lost).checks).toMatchObject([{ id: 'server', status: 'fail', fix: expect.stringContaining('telpher dev') }])
    const env = { TELPHER_SERVER: 'http://127.0.0.1:9', TELPHER_TOKEN_FILE: join(cli.dir, 'token'), TELPHER_DOCKER_SOCKET: '/nonexistent' }
    const both = await cli.run(['--server', 'http://127.0.0.1:9', 'doctor', '--pre', '-t', 'x', '-o', 'json'], { env })
    expect(both.code).toBe(3)
    expect(find(reportIn(both), 'node')?.status).toBe('ok')
  })

  test('a server whose Redis is gone is still asked: what fails is Redis, and nothing of the report is lost', async () => {
    const redis = await ownRedis()
    const lost = await serveApi({ redisUrl: redis.url })
    const own = await createTestCli(lost)
    await redis.stop()
    const ran = await own.run(['doctor', '--server', '--target', 'any', '-o', 'json'])
    expect(ran.code).toBe(10)
    const report = reportIn(ran)
    expect(find(report, 'server')?.status).toBe('ok')
    expect(report.checks.filter(({ status }) => status === 'fail').map(({ id }) => id)).toEqual(['redis', 'target-worker'])
    expect(find(report, 'target-worker')?.seen).toContain('Redis')
    await lost.close()
  })

  test('the ladder of a target is part of it, and one that nobody runs says which worker to start', async () => {
    const [name, pool] = [freshName('target'), freshName('pool')]
    await served.call('POST', '/v1/targets', newTarget(name, { pool }))
    const alone = await cli.run(['doctor', '--target', name, '--timeout', '1s', '-o', 'json'])
    expect(alone.code).toBe(10)
    expect(reportIn(alone).checks).toMatchObject([{ id: 'target-worker', subject: name, fix: `TELPHER_POOL=${pool} telpher worker start` }])

    await served.store.workers.beat(sampleWorker(freshName('wrk'), { pool }))
    const before = await takenCheck(pool)
    const running = cli.run(['doctor', '--target', name])
    // What a worker of the pool would report, by the id that the queue was given.
    const item = await eventually(async () => {
      const found = await takenCheck(pool)
      return found === before ? undefined : found
    })
    const lines = [
      { rung: 'dns', subject: 'a.example', status: 'ok', ms: 2, message: '192.0.2.1' },
      { rung: 'tcp', subject: 'a.example', status: 'failed', ms: 3, message: 'refused\u001b[31m', fix: 'Open the firewall.' },
    ] as const
    await served.store.checks.put(item, { target: name, ok: false, at: 1, worker: 'w', lines })
    const { code, stdout } = await running
    expect(code).toBe(10)
    expect(stdout).toMatch(/✓ target-dns {2}\S+: a\.example +2 ms {2}192\.0\.2\.1/)
    expect(stdout).toMatch(/✗ target-tcp.*refused\n.*firewall.*\n {4}fix: Open the firewall\.\n1 failed, 2 ok\n$/)
    expect((await cli.run(['doctor', '--target', 'nobody-added-it'])).code).toBe(5)
  })
})

test('where no server is named or found this machine is looked at, and that is said', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-doctor-'))
  await mkdir(join(dir, 'data'))
  const ran = await runAlone(['doctor'], dir, { TELPHER_DOCKER_SOCKET: '/nonexistent', TELPHER_DATA_DIR: join(dir, 'data') })
  expect(ran.stderr).toContain('No server is named or found')
  expect(ran.stdout).toContain('✓ node')
  expect(ran.code).toBe(10)
})

/** The id of the check in the queue of a pool that has no consumer. */
const takenCheck = async (pool: string): Promise<string | undefined> => {
  const { connection, end } = connectionOf(await sharedRedis(), 5000, null)
  const queue = new Queue('jobs', { connection, prefix: poolPrefix(pool) })
  try {
    const checks = (await queue.getJobs(['waiting'])).map(({ data }) => (data as { checkId: string }).checkId)
    return checks.sort().at(-1)
  } finally {
    await queue.close()
    end()
  }
}

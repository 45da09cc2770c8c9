import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { ownRedis } from '../../support/sandbox.ts'
import { freshName, newTarget, type ServedApi, serveApi } from '../server/api.ts'
import { createTestCli, deploymentOn, idIn, type TestCli } from './cli.ts'

const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))

let served: ServedApi
let cli: TestCli
let dir: string
/** Of this file's own: the server that is started here has a scheduler, which would take up the deployments of every other file. */
let redis: Awaited<ReturnType<typeof ownRedis>>
const children: ChildProcess[] = []
beforeAll(async () => {
  redis = await ownRedis()
  served = await serveApi({ redisUrl: redis.url })
  cli = await createTestCli(served)
  dir = await mkdtemp(join(tmpdir(), 'telpher-process-'))
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await served.close()
  await redis.stop()
  await rm(dir, { recursive: true, force: true })
})

/** The real process: signals, pipes and exit codes are its own. */
const start = (args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) => {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: options.cwd ?? cli.dir,
    env: { PATH: process.env['PATH'], ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  return { child, said, ended }
}

test('Ctrl-C leaves the deployment running, says how to come back, and ends with 130', async () => {
  const target = freshName('target')
  await served.call('POST', '/v1/targets', newTarget(target))
  const { child, said, ended } = start([...cli.globals, 'deploy', 'web.yaml', '--target', target])
  const id = await deploymentOn(served.store, target)
  await eventually(() => said.stderr.includes('started'))
  const [job] = (await served.store.deployments.get(id)).jobs
  if (job !== undefined) await served.store.jobs.apply(job, { type: 'admit' })
  await eventually(() => said.stderr.includes('admitted'))
  child.kill('SIGINT')
  expect(await ended).toBe(130)
  expect(said.stderr).toContain(`telpher status ${id} --wait`)
  expect(said.stderr).toContain(`telpher cancel ${id}`)
  expect((await served.store.deployments.get(id)).deployment.state).not.toBe('finished')
})

test('a reader that has seen enough ends it quietly', async () => {
  const target = freshName('target')
  await served.call('POST', '/v1/targets', newTarget(target))
  const id = idIn((await cli.run(['deploy', 'web.yaml', '--target', target, '--no-wait'])).stdout) ?? ''
  const [job] = (await served.store.deployments.get(id)).jobs
  if (job === undefined) throw new Error('there is a job')
  const text = 'x'.repeat(1000)
  for (let batch = 0; batch < 5; batch++)
    await served.store.logs(job).append(Array.from({ length: 200 }, () => ({ stream: 'stdout' as const, text, at: 1 })))
  const { child, said, ended } = start([...cli.globals, 'logs', id])
  child.stdout.once('data', () => child.stdout.destroy())
  expect(await ended).toBe(0)
  expect(said.stderr).toBe('')
})

test('a server starts with its own token, is found from folders below, and ends by its signal with streams open', async () => {
  const env = { TELPHER_REDIS_URL: redis.url, TELPHER_PORT: '0', TELPHER_DATA_DIR: join(dir, '.telpher') }
  const server = start(['server', 'start'], { cwd: dir, env })
  const endpoint = await eventually(
    async () => JSON.parse(await readFile(join(dir, '.telpher/endpoint.json'), 'utf8')) as { url: string; tokenFile: string },
  )
  expect(((await stat(endpoint.tokenFile)).mode & 0o777).toString(8)).toBe('400')
  const token = (await readFile(endpoint.tokenFile, 'utf8')).trim()
  const status = start(['worker', 'list', '-o', 'json'], { cwd: dir })
  expect(await status.ended).toBe(0)
  expect(JSON.parse(status.said.stdout)).toBeInstanceOf(Array)
  const authorization = `Bearer ${token}`
  const target = freshName('target')
  // A pool of its own without a worker: the scheduler of this server finds nobody to run it.
  const body = JSON.stringify(newTarget(target, { pool: freshName('pool') }))
  await fetch(`${endpoint.url}/v1/targets`, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body })
  const waiting = start(['deploy', join(cli.dir, 'web.yaml'), '--target', target], { cwd: dir })
  await eventually(() => waiting.said.stderr.includes('no worker'))
  server.child.kill('SIGTERM')
  expect(await server.ended).toBe(0)
  waiting.child.kill('SIGINT')
  expect(await waiting.ended).toBe(130)
  await served.call('POST', `/v1/deployments/${idIn(waiting.said.stderr)}/cancel`)
  expect(`${server.said.stdout}${server.said.stderr}`).not.toContain(token)
  expect(server.said.stderr).not.toContain(`secret-of-${target}`)
})

test('a port that is taken is said, with what to do', async ({ onTestFinished }) => {
  const own = await ownRedis()
  onTestFinished(own.stop)
  const env = { TELPHER_REDIS_URL: own.url, TELPHER_PORT: new URL(served.url).port, TELPHER_DATA_DIR: join(dir, 'taken') }
  const { said, ended } = start(['server', 'start'], { cwd: dir, env })
  expect(await ended).toBe(2)
  expect(said.stderr).toContain('TELPHER_PORT')
})

test('a server with another master key than the one that sealed what is stored does not start, and says so', async () => {
  const env = { TELPHER_REDIS_URL: redis.url, TELPHER_PORT: '0', TELPHER_DATA_DIR: join(dir, 'other-key') }
  const { said, ended } = start(['server', 'start'], { cwd: dir, env })
  expect(await ended).toBe(1)
  expect(said.stderr).toContain('sealed_record')
})

test('a Redis that is away is said', async () => {
  const env = { TELPHER_REDIS_URL: 'redis://127.0.0.1:9', TELPHER_PORT: '0', TELPHER_DATA_DIR: join(dir, 'away') }
  const { said, ended } = start(['server', 'start'], { cwd: dir, env })
  expect(await ended).toBe(1)
  expect(said.stderr).toMatch(/TEL-120\d/)
})

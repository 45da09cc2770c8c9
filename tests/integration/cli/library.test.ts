import { writeFile } from 'node:fs/promises'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type TargetInput, type Telpher } from '../../../src/index.ts'
import { checkout } from '../../../src/sandbox/paths.ts'
import { freshName, type ServedApi, serveApi } from '../server/api.ts'
import { createTestCli, deploymentOn, playDeployment, type TestCli } from './cli.ts'

let served: ServedApi
let cli: TestCli
let telpher: Telpher
const target = freshName('target')
const done = { status: 'succeeded', sentence: '1 object is current' } as const
const broken = { status: 'failed', sentence: 'web is broken', code: 'verify_failed' } as const

const targetNamed = (name: string, changes: Partial<TargetInput> = {}): TargetInput => ({
  name,
  server: `https://${name}.example:6443`,
  credential: { kind: 'bearer', token: `secret-of-${name}` },
  ...changes,
})

beforeAll(async () => {
  served = await serveApi()
  cli = await createTestCli(served)
  telpher = await connect({ server: served.url, token: served.token, cwd: cli.dir })
  await telpher.targets.add(targetNamed(target, { namespace: 'shop', tags: ['lib'], policy: { namespaces: ['shop'] } }))
})
afterAll(() => served.close())

test('a deployment is started, watched to its end, and told with its summary', async () => {
  const run = await telpher.deploy({ path: 'web.yaml', targets: [target], namespace: 'shop', retries: { max: 2 } })
  const playing = playDeployment(served.store, run.id, done, { lines: ['one', 'two'] })
  const seen: string[] = []
  for await (const event of run) if (event.type === 'job') seen.push(event.to)
  await playing
  expect(seen).toEqual(['admitted', 'preparing', 'running', 'verifying', 'succeeded'])
  const { result, summary, jobs } = await run.result()
  expect([result, summary.results, jobs[0]?.step.retries?.max]).toEqual(['success', { success: 1 }, 2])
  const lines = await Array.fromAsync(run.log(jobs[0]?.jobId ?? '', { follow: true }))
  expect(lines.map(({ text }) => text)).toEqual(['one', 'two'])
  const { deployments } = await telpher.list({ limit: 1, filters: { target } })
  expect(deployments[0]?.id).toBe(run.id)
})

test('several steps are one deployment, and the same key starts it once', async () => {
  const options = {
    steps: [
      { path: 'web.yaml', name: 'first' },
      { path: 'web.yaml', name: 'second' },
    ],
    targets: [target],
    idempotencyKey: freshName('key'),
  }
  const [a, b] = [await telpher.deploy(options), await telpher.deploy(options)]
  expect(b.id).toBe(a.id)
  expect((await a.detail()).jobs.map(({ step }) => step.name)).toEqual(['first', 'second'])
  await a.cancel()
  for (const job of (await a.detail()).jobs) expect(job.status).toBe('cancelled')
})

test('what is at work is asked to end, and then by force', async () => {
  const run = await telpher.deploy({ path: 'web.yaml', targets: [target] })
  const [job] = (await run.detail()).jobs
  const ref = job ?? expect.unreachable()
  await served.store.jobs.apply(ref, { type: 'admit' })
  await served.store.jobs.apply(ref, { type: 'start', worker: 'w1' })
  const asked = async (): Promise<readonly unknown[]> => {
    const [{ cancelRequested, cancelForced = false } = ref] = (await served.store.deployments.get(run.id)).jobs
    return [cancelRequested, cancelForced]
  }
  await run.cancel()
  expect(await asked()).toEqual([true, false])
  await run.cancel({ force: true })
  expect(await asked()).toEqual([true, true])
  await served.store.jobs.apply(ref, { type: 'finish', attempt: 1, end: { status: 'cancelled', sentence: 'killed', code: 'cancelled' } })
})

test('a failure is a result, and retried it is another run', async () => {
  const run = await telpher.deploy({ path: 'web.yaml', targets: [target] })
  await playDeployment(served.store, run.id, broken)
  expect((await run.result()).result).toBe('failure')
  const again = await telpher.retry(run.id)
  await playDeployment(served.store, again.id, done)
  expect((await again.result()).deployment.lineage).toEqual({ kind: 'retry', of: run.id })
  await expect(telpher.retry(again.id)).rejects.toMatchObject({ code: 'nothing_failed' })
})

test('whoever stops waiting is told, and the deployment goes on', async () => {
  const run = await telpher.deploy({ path: 'web.yaml', targets: [target] })
  await expect(run.result({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'wait_timed_out' })
  const leaving = new AbortController()
  const waiting = run.result({ signal: leaving.signal })
  leaving.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  const watched = run.watch({ signal: AbortSignal.abort() })
  expect(await Array.fromAsync(watched)).toEqual([])
  expect((await run.detail()).deployment.state).not.toBe('finished')
})

test.each([
  [{ path: 'nowhere.yaml', targets: ['t'] }, 'empty_package'],
  [{ path: 'web.yaml', targets: ['t'], helm: { release: 'web' } }, 'invalid_input'],
  [{ path: 'web.yaml', targets: ['nobody'] }, 'unknown_target'],
  [{ path: 'web.yaml' }, 'invalid_input'],
  [{ path: 'broken.yaml', targets: ['t'] }, 'invalid_manifest'],
])('%j is refused with its code', async (options, code) => {
  await writeFile(`${cli.dir}/broken.yaml`, 'kind: [')
  await expect(telpher.deploy(options)).rejects.toMatchObject({ code, hint: expect.any(String) })
})

test('a wrong token and an unknown run have codes too', async () => {
  const stranger = await connect({ server: served.url, token: 'tel_wrong' })
  await expect(stranger.targets.list()).rejects.toMatchObject({ code: 'unauthorized' })
  await expect(telpher.run('dep_01JD0000000000000000000000')).rejects.toMatchObject({ code: 'unknown_deployment' })
  const nobody = await connect({ server: 'http://127.0.0.1:9', token: 'tel_x' })
  await expect(nobody.targets.list()).rejects.toMatchObject({ code: 'server_unreachable', retryable: true })
})

test('the example runs as it is', async () => {
  await writeFile(`${cli.dir}/token`, served.token, { mode: 0o400 })
  const other = freshName('target')
  await telpher.targets.add(targetNamed(other))
  const env = { TELPHER_SERVER: served.url, TELPHER_TOKEN_FILE: `${cli.dir}/token` }
  const example = execa(
    process.execPath,
    ['--conditions=telpher-checkout', `${checkout}examples/deploy.ts`, `${cli.dir}/web.yaml`, other],
    { env, reject: false },
  )
  await playDeployment(served.store, await deploymentOn(served.store, other), done)
  const { stdout, exitCode, stderr } = await example
  expect([exitCode, stderr]).toEqual([0, ''])
  expect(stdout).toContain(`web → ${other}: succeeded`)
  expect(stdout).toContain(`${other}: 1 object is current`)
})

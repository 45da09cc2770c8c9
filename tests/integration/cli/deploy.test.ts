import { mkdir, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '../../../src/client/http.ts'
import { Secret } from '../../../src/model/secret.ts'
import type { JobEnd } from '../../../src/model/states.ts'
import { unpack } from '../../../src/steps/package/unpack.ts'
import { eventually } from '../../support/eventually.ts'
import { storePackage } from '../../support/packages.ts'
import { freshName, newTarget, type ServedApi, serveApi } from '../server/api.ts'
import { createTestCli, deploymentOn, idIn, playDeployment, type TestCli } from './cli.ts'

let served: ServedApi
let cli: TestCli
beforeAll(async () => {
  served = await serveApi()
  cli = await createTestCli(served)
})
afterAll(() => served.close())

const addTarget = async (changes: object = {}): Promise<string> => {
  const name = freshName('target')
  await served.call('POST', '/v1/targets', newTarget(name, changes))
  return name
}

describe('deploy', () => {
  const success: JobEnd = { status: 'succeeded', sentence: '1 object is current' }
  test.each([
    [success, 0, 'success'],
    [{ status: 'failed', sentence: 'the image is not there', code: 'verify_failed' }, 10, 'failure'],
    [{ status: 'errored', sentence: 'the container vanished', code: 'container_lost' }, 10, 'error'],
    [{ status: 'timed_out', sentence: 'the deadline passed', code: 'deadline_passed' }, 10, 'timeout'],
    [{ status: 'cancelled', sentence: 'cancelled', code: 'cancelled' }, 11, 'cancellation'],
  ] as [JobEnd, number, string][])('that ends with %o exits with %i', async (end, code, result) => {
    const target = await addTarget()
    const running = cli.run(['deploy', 'web.yaml', '--target', target, '-o', 'json'])
    await playDeployment(served.store, await deploymentOn(served.store, target), end)
    const ran = await running
    expect(ran.code).toBe(code)
    expect(JSON.parse(ran.stdout)).toMatchObject({ deployment: { result }, jobs: [{ status: end.status }] })
  })

  test('uploads the folder once, and asks for what its flags say', async () => {
    const tag = freshName('tag')
    await addTarget({ tags: [tag] })
    const args = ['deploy', '.', '--tag', tag, '--namespace', 'shop', '--name', 'web', '--deadline', '2m', '--no-wait', '-o', 'json']
    const first = JSON.parse((await cli.run(args)).stdout) as { deployment: { request: { steps: { package: string }[] } } }
    expect(first.deployment.request).toMatchObject({
      name: 'web',
      tag,
      steps: [{ kind: 'apply', name: 'web', namespace: 'shop', deadlineSeconds: 120 }],
    })
    const sha256 = first.deployment.request.steps[0]?.package ?? ''
    expect([...(await unpack(await served.packages.read(sha256))).keys()]).toContain('web.yaml')
    const again = JSON.parse((await cli.run(args)).stdout) as typeof first
    expect(again.deployment.request.steps[0]?.package).toBe(sha256)
  })

  test('installs a chart with its values', async () => {
    await mkdir(`${cli.dir}/chart`, { recursive: true })
    await writeFile(`${cli.dir}/chart/Chart.yaml`, 'apiVersion: v2\nname: c\nversion: 1.0.0\n')
    await writeFile(`${cli.dir}/prod.yaml`, 'a: 1\n')
    const target = await addTarget()
    const args = [
      'deploy',
      'chart',
      '--helm',
      'web',
      '--values',
      'prod.yaml',
      '--set',
      'b=2',
      '--create-namespace',
      '--target',
      target,
      '--no-wait',
      '-o',
      'json',
    ]
    const { deployment } = JSON.parse((await cli.run(args)).stdout) as { deployment: { request: { steps: object[] } } }
    expect(deployment.request.steps[0]).toMatchObject({
      kind: 'helm',
      release: 'web',
      set: { b: '2' },
      createNamespace: true,
      values: [expect.any(String)],
    })
  })

  test('with one key is one deployment', async () => {
    const target = await addTarget()
    const args = ['deploy', 'web.yaml', '--target', target, '--no-wait', '--idempotency-key', freshName('key')]
    const [first, again] = [await cli.run(args), await cli.run(args)]
    expect(again.stdout).toBe(first.stdout)
    expect(idIn(first.stdout)).toBeDefined()
  })

  test.each([
    [['deploy', 'web.yaml'], 2, '--target NAME'],
    [['deploy', 'web.yaml', '--target', 'no-such-target'], 5, 'no-such-target'],
    [['deploy', 'nowhere', '--target', 'x'], 2, 'nothing at'],
    [['deploy', 'web.yaml', '--target', 'x', '--timeout', 'soon'], 2, '--timeout'],
    [['deploy', 'web.yaml', '--target', 'x', '--helm', 'web'], 2, 'Chart.yaml'],
    [['deploy', 'web.yaml', '--target', 'Not_A_Name'], 2, 'targets.0'],
    [['status', 'dep_00000000000000000000000000'], 5, 'dep_0000'],
    [['status', 'nonsense'], 5, 'nonsense'],
    [['status', '--limit', '1000'], 2, '--limit'],
    [['status', '--wait'], 2, '--wait'],
    [['logs', 'nonsense'], 5, 'nonsense'],
    [['logs', 'nonsense', '-f', '-o', 'json'], 2, 'jsonl'],
    [['cancel', 'nonsense'], 5, 'nonsense'],
    [['target', 'view', 'no-such-target'], 5, 'no-such-target'],
    [['target', 'remove', 'no-such-target'], 5, 'no-such-target'],
    [['target', 'check', 'no-such-target'], 5, 'no-such-target'],
    [['target', 'add', 'x', '--from-kubeconfig', 'a', '--file', 'nowhere'], 2, '--file'],
    [['nonsense'], 2, 'nonsense'],
    [['status', '-o', 'xml'], 2, 'Allowed choices'],
  ] as [string[], number, string][])('%j exits with %i, says why and what to do', async (args, code, said) => {
    const ran = await cli.run(args)
    expect([ran.code, ran.stdout]).toEqual([code, ''])
    expect(ran.stderr).toContain(said)
    expect(ran.stderr).toMatch(/TEL-\d{4}/)
    expect(ran.stderr.trimEnd().split('\n').length).toBeGreaterThanOrEqual(3)
  })
})

describe('waiting', () => {
  test('says each state with its time, the log, and why it waits', async () => {
    const target = await addTarget()
    const running = cli.run(['deploy', 'web.yaml', '--target', target])
    const id = await deploymentOn(served.store, target)
    const { jobs } = await served.store.deployments.get(id)
    for (const job of jobs) await served.store.jobs.waiting(job, 'dep_1 holds the lock')
    const failure = {
      class: 'crash_loop',
      sentence: 'container app crashes',
      object: { group: 'apps', version: 'v1', resource: 'deployments', name: 'web' },
      chain: [
        { kind: 'Deployment', name: 'web', message: '0 of 1 available' },
        { kind: 'Pod', name: 'web-1', message: 'CrashLoopBackOff' },
      ],
      lastLines: ['panic: \x1b[2Jno config'],
    } as const
    const end = { status: 'failed', sentence: failure.sentence, code: 'verify_failed' } as const
    await playDeployment(served.store, id, end, {
      lines: ['\x1b[31mdeployment applied\x1b[0m', '\x1b]0;title\x07done'],
      report: { failure },
    })
    const { code, stdout, stderr } = await running
    expect(code).toBe(10)
    const lines = stderr.split('\n').filter((line) => line.includes(' → '))
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z {2}web → /)
    const said = lines.map((line) => line.replace(/^\S+ {2}/, '').replace(`web → ${target}`, 'J'))
    const states = said.filter((line) => !line.includes('|'))
    expect(states).toEqual([
      'J  pending: waits: dep_1 holds the lock',
      'J  admitted',
      'J  preparing by w1',
      'J  running',
      'J  verifying',
      'J  failed: container app crashes',
    ])
    expect(said).toContain('J  | deployment applied')
    expect(stdout).toContain(`${id}  failure in `)
    expect(stdout).toContain('└ Pod web-1: CrashLoopBackOff')
    expect(stdout).toContain('last lines of the container:\n    panic: ')
    expect(stdout).toContain(`next: telpher logs ${id}\n`)
    expect(`${stdout}${stderr}`).not.toContain('\x1b')
  })

  test('on a terminal draws a block, and leaves one line for what has ended', async () => {
    const target = await addTarget()
    let said = ''
    const running = cli.run(['deploy', 'web.yaml', '--target', target], { isTTY: true, onSaid: (all) => (said = all) })
    const id = await deploymentOn(served.store, target)
    const success: JobEnd = { status: 'succeeded', sentence: '1 object is current' }
    await playDeployment(served.store, id, success, {
      lines: ['applied'],
      beforeEnd: () => eventually(() => said.includes('verifying') && said.includes('    applied')).then(() => {}),
    })
    const { code, stdout, stderr } = await running
    expect(code).toBe(0)
    expect(stderr).toContain('\x1b[0J')
    // The block is gone, and the result says what ended.
    expect(stderr.slice(stderr.lastIndexOf('\x1b[0J') + 4)).toBe('')
    expect(stdout).toContain('\x1b[32m✓')
    expect((await cli.run(['status', id], { isTTY: true, env: { NO_COLOR: '1' } })).stdout).not.toContain('\x1b')
    expect((await cli.run(['status', id, '--color', 'never'], { isTTY: true })).stdout).not.toContain('\x1b')
    expect((await cli.run(['status', id, '--color', 'always'])).stdout).toContain('\x1b[32m')
  })

  test('ends with 12 when its time is over, and the deployment goes on', async () => {
    const target = await addTarget()
    const { code, stdout, stderr } = await cli.run(['deploy', 'web.yaml', '--target', target, '--timeout', '1s'])
    const id = idIn(stdout) ?? ''
    expect(code).toBe(12)
    expect(stderr).toContain(`telpher status ${id} --wait`)
    expect(stderr).toContain(`telpher cancel ${id}`)
    expect((await served.store.deployments.get(id)).deployment.state).not.toBe('finished')
    const again = cli.run(['status', id, '--wait'])
    await playDeployment(served.store, id, { status: 'succeeded', sentence: 'done' })
    expect(await again).toMatchObject({ code: 0, stdout: expect.stringContaining('success') })
  })

  test('of what has ended already shows its history and ends', async () => {
    const target = await addTarget()
    const id = idIn((await cli.run(['deploy', 'web.yaml', '--target', target, '--no-wait'])).stdout) ?? ''
    await playDeployment(served.store, id, { status: 'succeeded', sentence: 'done' })
    const { code, stderr } = await cli.run(['status', id, '--wait'])
    expect(code).toBe(0)
    expect(stderr).toContain('verifying')
  })

  test('goes through a restart of the server, without a gap and without anything twice', async () => {
    const own = await serveApi()
    const ownCli = await createTestCli(own)
    const target = freshName('target')
    await own.call('POST', '/v1/targets', newTarget(target))
    let said = ''
    const running = ownCli.run(['deploy', 'web.yaml', '--target', target], { onSaid: (all) => (said = all) })
    const id = await deploymentOn(own.store, target)
    const [job] = (await own.store.deployments.get(id)).jobs
    if (job === undefined) throw new Error('there is a job')
    await own.store.jobs.apply(job, { type: 'admit' })
    await eventually(() => said.includes('admitted'))
    await own.close()
    await served.store.jobs.apply(job, { type: 'start', worker: 'w1' })
    await eventually(() => said.includes('cut'))
    const back = await serveApi({ port: Number(new URL(own.url).port), token: own.token })
    await served.store.jobs.apply(job, { type: 'run', attempt: 1 })
    await served.store.logs(job).end()
    await served.store.jobs.apply(job, { type: 'finish', attempt: 1, end: { status: 'succeeded', sentence: 'done' } })
    await served.store.deployments.advance(id, 'pending', 'finished', { result: 'success' })
    const { code } = await running
    expect(code).toBe(0)
    for (const state of ['admitted', 'preparing', 'running', 'succeeded'])
      expect(said.split(`→ ${target}  ${state}`).length - 1, state).toBe(1)
    await back.close()
  })
})

describe('logs', () => {
  test('are followed for all jobs at once, until they end', async () => {
    const targets = [await addTarget(), await addTarget()]
    const id = idIn((await cli.run(['deploy', 'web.yaml', '-t', targets.join(','), '--no-wait'])).stdout) ?? ''
    let seen = ''
    const running = cli.run(['logs', id, '-f'], { onData: (all) => (seen = all) })
    const { jobs } = await served.store.deployments.get(id)
    for (const job of jobs.toReversed()) {
      await served.store.logs(job).append([{ stream: 'stdout', text: `of ${job.target}`, at: 1 }])
      await eventually(() => seen.includes(`[web → ${job.target}] of ${job.target}\n`))
    }
    for (const job of jobs) await served.store.logs(job).end()
    expect((await running).code).toBe(0)
    const one = await cli.run(['logs', id, '--job', targets[0] ?? ''])
    expect(one.stdout).toBe(`of ${targets[0]}\n`)
    expect(await cli.run(['logs', id, '--job', 'nobody'])).toMatchObject({ code: 2, stderr: expect.stringContaining(targets[1] ?? '?') })
  })

  test('raw are the bytes, which a terminal is not given', async () => {
    const target = await addTarget()
    const id = idIn((await cli.run(['deploy', 'web.yaml', '--target', target, '--no-wait'])).stdout) ?? ''
    const text = '\x1b[31mrot\x1b[0m \x1b[2Jß'
    await playDeployment(served.store, id, { status: 'succeeded', sentence: 'done' }, { lines: [text] })
    expect((await cli.run(['logs', id, '--raw'])).stdout).toBe(`${text}\n`)
    expect((await cli.run(['logs', id, '--raw'], { isTTY: true })).stdout).not.toContain('\x1b[2J')
    expect((await cli.run(['logs', id])).stdout).toBe('rot ß\n')
    expect((await cli.run(['logs', id], { isTTY: true })).stdout).toContain('\x1b[31mrot')
  })
})

test('a deployment is cancelled, and its waiting ends with 11', async () => {
  const target = await addTarget()
  const running = cli.run(['deploy', 'web.yaml', '--target', target])
  const id = await deploymentOn(served.store, target)
  expect(await cli.run(['cancel', id])).toMatchObject({ code: 0, stdout: expect.stringContaining('being cancelled') })
  await served.store.deployments.advance(id, 'pending', 'finished', { result: 'cancellation' })
  expect((await running).code).toBe(11)
  expect((await cli.run(['cancel', id])).stdout).toContain('has ended already')
})

test('a check that nobody runs says so and ends with 12', async () => {
  const target = await addTarget({ pool: freshName('pool') })
  const { code, stderr } = await cli.run(['target', 'check', target, '--timeout', '1s'])
  expect(code).toBe(12)
  expect(stderr).toContain('no worker in pool')
})

describe('the server', () => {
  const code = async (url: string, token = served.token): Promise<{ code: number | undefined; stderr: string }> => {
    const other = await createTestCli({ url, token })
    return other.run(['status'])
  }

  test('that is not there is 3, a token that is refused is 4', async () => {
    expect(await code('http://127.0.0.1:9')).toMatchObject({ code: 3, stderr: expect.stringContaining('cannot be reached') })
    expect(await code(served.url, `tel_${'x'.repeat(43)}`)).toMatchObject({ code: 4, stderr: expect.stringContaining('TEL-1101') })
  })

  test('that is another program is called so', async () => {
    const { createServer } = await import('node:http')
    const portal = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in</html>'))
    await new Promise<void>((listening) => portal.listen(0, '127.0.0.1', listening))
    const { port } = portal.address() as { port: number }
    expect(await code(`http://127.0.0.1:${port}`)).toMatchObject({ code: 3, stderr: expect.stringContaining('no Telpher server') })
    portal.closeAllConnections()
    portal.close()
  })

  test('gets a deployment once, though its answer was lost', async () => {
    const target = await addTarget()
    const client = createClient(served.url, new Secret(served.token))
    const sha256 = (await storePackage(served.store, Buffer.from(freshName('package')))).sha256
    const request = { steps: [{ kind: 'apply' as const, name: 'web', package: sha256 }], targets: [target] }
    const key = freshName('key')
    const [first, again] = [await client.deploy(request, key), await client.deploy(request, key)]
    expect(again.deployment.id).toBe(first.deployment.id)
  })
})

import { rm, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { catalogue } from '../../../src/cli/catalogue.ts'
import { formats } from '../../../src/cli/output.ts'
import { type Consumer, consume } from '../../../src/queue/index.ts'
import { connectDocker } from '../../../src/sandbox/dockerEngine.ts'
import { imageArchive } from '../../../src/sandbox/image/archive.ts'
import { createSeen, startSealing } from '../../../src/server/sealing.ts'
import { sampleWorker } from '../../support/samples.ts'
import { sampleSigner } from '../../support/samplesigner.ts'
import { sharedDocker, sharedRedis } from '../../support/sandbox.ts'
import { tinyImage } from '../../support/tinyimage.ts'
import { freshName, newTarget, type ServedApi, serveApi } from '../server/api.ts'
import { createTestCli, deploymentOn, playDeployment, type TestCli } from './cli.ts'

let served: ServedApi
let cli: TestCli
let checker: Consumer
let id: string
let failedId: string
let socket: readonly string[]
let sealing: { readonly stopped: Promise<void> }
const ending = new AbortController()
const tiny = 'telpher-test/formats:1'
const auditLine = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","stageTimestamp":"2026-11-30T10:00:01Z"}\n'
const [target, pool, worker] = [freshName('target'), freshName('pool'), freshName('wrk')]

beforeAll(async () => {
  served = await serveApi()
  cli = await createTestCli(served)
  sealing = startSealing({
    audit: served.store.audit,
    signer: sampleSigner,
    server: 'srv_formats',
    saw: createSeen(),
    log: () => {},
    signal: ending.signal,
  })
  // In place of a worker of the pool: it answers checks without looking at any cluster.
  checker = consume({
    url: await sharedRedis(),
    pool,
    concurrency: 1,
    handler: async (item) => {
      if (item.kind === 'check') await served.store.checks.put(item.checkId, { target: item.target, ok: true, at: 1, worker: 'w1', lines })
    },
  })
  const kubeconfig = {
    clusters: [{ name: 'a', cluster: { server: 'https://a.example:6443' } }],
    users: [{ name: 'a', user: { token: 'hunter2' } }],
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
  }
  await writeFile(`${cli.dir}/kubeconfig`, JSON.stringify(kubeconfig))
  const { socketPath } = await sharedDocker()
  socket = ['--docker-socket', socketPath]
  await writeFile(`${cli.dir}/tiny.tar`, imageArchive([await tinyImage(tiny)]))
  await writeFile(`${cli.dir}/audit.log`, auditLine)
  await writeFile(`${cli.dir}/some.yaml`, 'name: some\nsteps: [{ name: web, apply: web.yaml }]\n')
  await served.call('POST', '/v1/targets', newTarget(target, { pool }))
  await served.store.workers.beat(sampleWorker(worker, { pool }))
  const started = cli.run(['deploy', 'web.yaml', '--target', target])
  id = await deploymentOn(served.store, target)
  await playDeployment(served.store, id, { status: 'succeeded', sentence: '1 object is current' }, { lines: ['one', 'two: "x"'] })
  expect((await started).code).toBe(0)
  failedId = (JSON.parse((await cli.run(['rerun', id, '--no-wait', '-o', 'json'])).stdout) as { deployment: { id: string } }).deployment.id
  await playDeployment(served.store, failedId, { status: 'failed', sentence: 'it is broken', code: 'verify_failed' })
})
afterAll(async () => {
  ending.abort()
  await sealing.stopped
  await checker.close()
  await connectDocker(socket[1] ?? '')
    .getImage(tiny)
    .remove()
    .catch(() => undefined)
  await served.store.workers.remove(worker)
  await rm(`${cli.dir}/image.tar`)
  await served.store.images.pin(tiny, [])
  await served.close()
})

/** A ladder with a rung that warns: what to do stands below it. */
const lines = [
  { rung: 'dns', subject: 'a.example', status: 'ok', ms: 2, message: '192.0.2.1' },
  { rung: 'clock', subject: 'skew', status: 'warn', ms: 0, message: '40 s apart\x1b[2J', fix: 'Set the clock.' },
] as const

test('a check shows its ladder, with what to do below a rung', async () => {
  const { stdout } = await cli.run(['target', 'check', target])
  expect(stdout).toBe(
    [
      `${target}: ok, seen from worker w1`,
      '✓ dns  a.example      2 ms  192.0.2.1',
      '! clock  skew         0 ms  40 s apart',
      '    fix: Set the clock.',
      '',
    ].join('\n'),
  )
})

const removable = async (): Promise<readonly string[]> => {
  const name = freshName('target')
  await served.call('POST', '/v1/targets', newTarget(name))
  return ['target', 'remove', name]
}

/** How each command is called here. */
/** A pool of which something was said. */
const pooled = async (): Promise<string> => {
  const name = freshName('pool')
  await cli.run(['pool', 'create', name])
  return name
}

/** A target whose account renews itself. */
const renewing = async (): Promise<string> => {
  const name = freshName('target')
  const credential = { kind: 'token-request', token: 'hunter2', namespace: 'telpher', serviceAccount: `deployer-${name}` }
  await served.call('POST', '/v1/targets', newTarget(name, { credential }))
  return name
}

const calls: Readonly<Record<string, () => readonly string[] | Promise<readonly string[]>>> = {
  deploy: () => ['deploy', 'web.yaml', '--target', target, '--no-wait'],
  'deploy and wait': () => ['status', id, '--wait'],
  status: () => ['status', '--limit', '5'],
  'status of one': () => ['status', id],
  list: () => ['list', '--target', target],
  view: () => ['view', id],
  rerun: () => ['rerun', id, '--no-wait'],
  rollback: () => ['rollback', '--to', id, '--no-wait'],
  retry: () => ['retry', failedId, '--no-wait'],
  'diff-runs': () => ['diff-runs', id, failedId],
  logs: () => ['logs', id],
  cancel: () => ['cancel', id],
  assess: () => ['assess', 'web.yaml'],
  init: () => ['init', '--force'],
  lint: () => ['lint', 'some.yaml'],
  schema: () => ['schema'],
  'target add': () => ['target', 'add', freshName('target'), '--from-kubeconfig', 'a', '--file', 'kubeconfig', '--mode', 'static-token'],
  'audit list': () => ['audit', 'list', '--deployment', id],
  'audit export': () => ['audit', 'export', '--deployment', id],
  'audit show': () => ['audit', 'show', id],
  'audit reconcile': () => ['audit', 'reconcile', 'audit.log'],
  'audit verify': () => ['audit', 'verify'],
  'pool list': async () => ['pool', 'list'],
  'pool view': async () => ['pool', 'view', pool],
  'pool create': async () => ['pool', 'create', freshName('pool'), '--label', 'region=eu', '--min', '1', '--max', '3'],
  'pool edit': async () => ['pool', 'edit', pool, '--limit', '9'],
  'pool pause': async () => ['pool', 'pause', await pooled(), '--reason', 'upgrade'],
  'pool cordon': async () => ['pool', 'cordon', await pooled()],
  'pool resume': async () => ['pool', 'resume', await pooled()],
  'pool scale': async () => ['pool', 'scale', await pooled(), '2'],
  'pool explain': async () => ['pool', 'explain', pool],
  'pool enroll': () => ['pool', 'enroll', pool, '--out', freshName('pool-key')],
  'pool enrolments': async () => {
    await cli.run(['pool', 'enroll', pool, '--out', freshName('pool-key')])
    return ['pool', 'enrolments', pool]
  },
  'pool revoke': async () => {
    const { stdout } = await cli.run(['pool', 'enroll', pool, '--out', freshName('pool-key'), '-o', 'json'])
    return ['pool', 'revoke', pool, (JSON.parse(stdout) as { fingerprint: string }).fingerprint]
  },
  'pool remove': async () => ['pool', 'remove', await pooled()],
  freeze: async () => {
    const name = freshName('target')
    await served.call('POST', '/v1/targets', newTarget(name, { pool }))
    return ['freeze', name, '--reason', 'trade fair', '--for', '8h']
  },
  unfreeze: async () => {
    const name = freshName('target')
    await served.call('POST', '/v1/targets', newTarget(name, { pool }))
    const { stdout } = await cli.run(['freeze', name, '--reason', 'trade fair', '-o', 'json'])
    return ['unfreeze', (JSON.parse(stdout) as { id: string }).id]
  },
  'target list': () => ['target', 'list'],
  'target view': () => ['target', 'view', target],
  'target check': () => ['target', 'check', target],
  'target edit': () => ['target', 'edit', target, '--tls-server-name', ''],
  'target remove': removable,
  doctor: () => ['doctor', '--target', target],
  'image list': () => ['image', 'list', ...socket],
  'image build': () => ['image', 'build', '--save', 'image.tar'],
  'image load': () => ['image', 'load', 'tiny.tar', ...socket],
  'image pin': () => ['image', 'pin', tiny, '--id', `sha256:${'0'.repeat(64)}`],
  'producer add': () => ['producer', 'add', freshName('producer')],
  'producer list': () => ['producer', 'list'],
  'producer remove': async () => {
    const name = freshName('producer')
    await cli.run(['producer', 'add', name])
    return ['producer', 'remove', name]
  },
  'secret list': async () => {
    await cli.run(['secret', 'set', freshName('secret'), '--file', 'web.yaml'])
    return ['secret', 'list']
  },
  'secret set': () => ['secret', 'set', freshName('secret'), '--file', 'web.yaml'],
  'secret remove': async () => {
    const name = freshName('secret')
    await cli.run(['secret', 'set', name, '--file', 'web.yaml'])
    return ['secret', 'remove', name]
  },
  'issuer config': () => ['issuer', 'config'],
  'issuer export': () => ['issuer', 'export', freshName('public')],
  'account status': () => ['account', 'status', target],
  'account rotate': () => ['account', 'rotate', target, '--no-wait'],
  'account rollback': () => ['account', 'rollback', target, '--no-wait'],
  'account revoke': async () => ['account', 'revoke', await renewing(), '--now', '--no-wait'],
  'account repair': async () => ['account', 'repair', await renewing()],
  'keys list': () => ['keys', 'list'],
  'keys add': () => ['keys', 'add', `${freshName('new')}.key`],
  'keys rotate': () => ['keys', 'rotate'],
  'keys drop': async () => {
    await served.store.sealed.drop('f'.repeat(16), Date.now())
    return ['keys', 'drop', 'f'.repeat(16)]
  },
  'worker list': () => ['worker', 'list'],
  'worker view': () => ['worker', 'view', worker],
  'worker drain': async () => {
    const name = freshName('wrk')
    await served.store.workers.beat(sampleWorker(name, { pool }))
    return ['worker', 'drain', name, '--no-wait']
  },
  'worker rollout': () => ['worker', 'rollout', '--pool', freshName('empty')],
  'redis-acl': async () => ['redis-acl', '--passwords', freshName('passwords')],
  backup: () => ['backup', `${freshName('all')}.backup`],
  completion: () => ['completion', 'bash'],
  version: () => ['version'],
}

/** Processes that live until their signals, and the sandboxes around them: process.test.ts and tests/e2e start them. */
const lasting = ['worker start', 'server start', 'dev', 'demo']

/** It needs an installation that is empty: backup.test.ts. */
const elsewhere = ['restore']

test('every command of the catalogue is called here, but those that last', () => {
  const names = catalogue.filter(({ hidden }) => hidden !== true).map(({ path }) => path.join(' '))
  expect(names.filter((name) => calls[name] === undefined).sort()).toEqual([...lasting, ...elsewhere].sort())
})

describe.each(Object.entries(calls))('%s', (_, argsOf) => {
  test.each(formats)('-o %s is data alone, and parses', async (format) => {
    const { code, stdout, stderr } = await cli.run([...(await argsOf()), '-o', format])
    expect([code, stderr]).toEqual([0, expect.any(String)])
    expect(stdout).not.toContain('\x1b')
    if (format === 'json') expect(JSON.parse(stdout)).toBeTypeOf('object')
    if (format === 'jsonl') for (const line of stdout.split('\n').filter((one) => one !== '')) expect(JSON.parse(line)).toBeTypeOf('object')
    if (format === 'yaml') {
      expect(parseAllDocuments(stdout)).toHaveLength(1)
      expect(parse(stdout)).toBeTypeOf('object')
    }
    if (format === 'table') expect(stdout).toMatch(/\S\n$/)
    expect(`${stdout}${stderr}`).not.toContain('hunter2')
  })
})

test('JSON and YAML say the same', async () => {
  const [json, yaml] = [await cli.run(['status', id, '-o', 'json']), await cli.run(['status', id, '-o', 'yaml'])]
  expect(parse(yaml.stdout)).toEqual(JSON.parse(json.stdout))
  expect(JSON.parse(json.stdout)).toMatchObject({ deployment: { id, result: 'success' }, jobs: [{ status: 'succeeded' }] })
})

test('a table has titles, and lists what JSON lists', async () => {
  const { stdout } = await cli.run(['target', 'list'])
  const names = (JSON.parse((await cli.run(['target', 'list', '-o', 'json'])).stdout) as { name: string }[]).map(({ name }) => name)
  const [head, ...rows] = stdout.trimEnd().split('\n')
  expect(head).toMatch(/^NAME +STATE +SERVER +NAMESPACES/)
  // Other tests add and remove targets between the two.
  const listed = rows.map((row) => row.split(' ')[0] ?? '').filter((name) => names.includes(name))
  expect(listed).toEqual(names.filter((name) => listed.includes(name)))
  expect(listed).toContain(target)
})

test('jsonl of a log is a line for each line', async () => {
  const { stdout } = await cli.run(['logs', id, '-o', 'jsonl'])
  const lines = stdout.trimEnd().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { text: string }).text)).toEqual(['one', 'two: "x"'])
})

test('parts of a log are given by line, from its end, or by what they hold', async () => {
  const textsOf = async (...flags: string[]): Promise<string[]> => {
    const { stdout } = await cli.run(['logs', id, '-o', 'jsonl', ...flags])
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { text: string }).text)
  }
  expect(await textsOf('--from', '2')).toEqual(['two: "x"'])
  expect(await textsOf('--tail', '1')).toEqual(['two: "x"'])
  expect(await textsOf('--search', 'on')).toEqual(['one'])
  expect((await cli.run(['logs', id, '--search', 'on'])).stderr).toContain('1 line matches')
  for (const bad of [
    ['--from', '0'],
    ['--tail', 'x'],
    ['--from', '1', '--tail', '1'],
    ['--search', 'x', '-f'],
  ])
    expect((await cli.run(['logs', id, ...bad])).code).toBe(2)
})

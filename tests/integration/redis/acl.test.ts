import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config.ts'
import { loadPoolKey } from '../../../src/credentials/poolkey.ts'
import { createRequester } from '../../../src/credentials/request.ts'
import { createLog } from '../../../src/log.ts'
import { openProducer } from '../../../src/producer.ts'
import { type RunningServer, startServer } from '../../../src/server/main.ts'
import { type AclUser, aclUser, openStore, type Store } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { valuesOf } from '../../support/ownredis.ts'
import { sampleEntry } from '../../support/samples.ts'
import { createWitness, startSimWorker } from '../../support/simworker.ts'
import { startTlsRedis, type TlsRedis } from '../../support/tlsredis.ts'
import { createTestCli, type TestCli } from '../cli/cli.ts'
import { newTarget } from '../server/api.ts'

/** Every role under its own user and over TLS, with the default user left to this test: what one of them is refused is in ACL LOG. */
let served: TlsRedis
let dir: string
let server: RunningServer
let token: string
let cli: TestCli
let worker: Store
const users: readonly AclUser[] = [aclUser('server'), aclUser('worker'), aclUser('worker', { pool: 'other' }), aclUser('producer')]
const ask = async (...words: string[]): Promise<string[]> => valuesOf(await served.redis.command(...words))
const urlOf = (user: string): string => served.address({ user, password_file: join(dir, user), ...served.options })

const call = async (method: string, path: string, body?: unknown): Promise<Response> =>
  fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
const denied = async (): Promise<string[]> => (await ask('ACL', 'LOG')).filter((line) => !/^\d+(\.\d+)?$/.test(line))

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'telpher-acl-'))
  served = await startTlsRedis(dir)
  for (const { user, rules } of users) {
    expect(await ask('ACL', 'SETUSER', user, ...rules, `>pw-of-${user}`)).toEqual(['OK'])
    await writeFile(join(dir, user), `pw-of-${user}\n`, { mode: 0o400 })
  }
  const config = loadConfig({ TELPHER_REDIS_URL: urlOf('telpher-server'), TELPHER_DATA_DIR: dir, TELPHER_PORT: '0' })
  server = await startServer(config, createLog('error', {}))
  token = (await readFile(config.tokenFile, 'utf8')).trim()
  cli = await createTestCli({ url: server.url, token })
  worker = await openStore({ url: urlOf('telpher-worker-default') })
})
afterAll(async () => {
  await worker.close()
  await server.close()
  await served.redis.stop()
  await rm(dir, { recursive: true, force: true })
})

test('all roles do all that they do under their own users, and none is refused anything', async () => {
  expect((await call('POST', '/v1/targets', newTarget('staging', { tags: ['env=staging'] }))).status).toBe(201)
  const witness = createWitness()
  const url = urlOf('telpher-worker-default')
  const hold = Promise.withResolvers<void>()
  const ending = new AbortController()
  const key = await loadPoolKey(join(dir, 'pool.key'), 'default')
  const requester = createRequester({ channel: worker.broker, key, worker: 'wrk_a', signal: ending.signal, log: () => {} })
  const sim = startSimWorker({
    id: 'wrk_a',
    url,
    store: worker,
    witness,
    // What a worker asks of the store for an attempt.
    work: async (job) => {
      const ref = { deploymentId: job.deploymentId, jobId: job.jobId }
      const { package: sha256 } = job.step
      await worker.packages.get(sha256)
      await worker.targets.get(job.target)
      await worker.images.pins()
      await requester.hello()
      await worker.pools.get('default').catch(() => {})
      await worker.ledger(ref).append([sampleEntry()])
      const log = worker.logs(ref)
      await log.append([{ stream: 'stdout', text: 'web applied', at: Date.now() }])
      await log.end()
      const events = worker.events(job.deploymentId)
      events.emit({ type: 'notice', at: Date.now(), jobId: job.jobId, level: 'info', message: 'half-way' })
      await events.flush()
      const said = { type: 'target', action: 'check', name: job.target, who: 'worker:wrk_a', outcome: 'done' } as const
      await worker.audit.append({ ...said, at: Date.now() })
      await hold.promise
    },
  })
  await worker.installation()
  const mail = worker.pipes('default')
  const ended = new AbortController()
  const listening = mail.listen('wrk_a', ended.signal)
  expect((await listening.next()).value).toBe('anew')
  expect([...(await mail.listening(['wrk_a']))]).toEqual(['wrk_a'])
  expect(await mail.send('wrk_a', { from: 'srv_a', n: 1, bytes: Buffer.from('x') })).toBe(true)
  expect((await listening.next()).value).toMatchObject([{ from: 'srv_a', n: 1 }])
  ended.abort()
  await listening.return(undefined)
  await worker.checks.claim('chk_1', 'wrk_a')
  await worker.checks.put('chk_1', { target: 'staging', checks: [] } as never)
  await worker.targets.list()
  await worker.workers.list()
  await worker.workers.now()
  // A deployment of a person, seen to its end; and one of a producer.
  expect((await cli.run(['producer', 'add', 'api', '--tag', 'env=staging'])).code).toBe(0)
  const producer = await openProducer({ redisUrl: urlOf('telpher-producer'), name: 'api', keyFile: join(cli.dir, 'api.key'), cwd: cli.dir })
  const submitted = await producer.deploy({ path: 'web.yaml', targets: ['staging'] })
  await eventually(() => witness.starts.size === 1)
  hold.resolve()
  expect((await submitted.result()).result).toBe('success')
  const deployed = await cli.run(['deploy', 'web.yaml', '--target', 'staging', '-o', 'json'])
  expect([deployed.code, deployed.stderr]).toMatchObject([0, expect.anything()])
  const { deployment } = JSON.parse(deployed.stdout) as { deployment: { id: string } }
  for (const args of [
    ['status'],
    ['view', deployment.id],
    ['logs', deployment.id],
    ['worker', 'list'],
    ['worker', 'drain', 'wrk_a', '--no-wait'],
    ['pool', 'create', 'eu'],
    ['pool', 'list'],
    ['freeze', 'staging', '--reason', 'fair'],
    ['target', 'list'],
    ['secret', 'list'],
    ['keys', 'list'],
    ['backup', 'all.backup'],
    ['audit', 'list'],
    ['doctor', '--server'],
  ])
    expect(await cli.run(args), args.join(' ')).toMatchObject({ stderr: expect.not.stringContaining('NOPERM') })
  expect((await cli.run(['cancel', deployment.id])).stderr).not.toContain('NOPERM')
  await worker.workers.remove('wrk_a')
  await producer.close()
  await sim.stop()
  ending.abort()
  expect(await denied()).toEqual([])
})

test('the command prints what these users are, and each password lies in a file that only its owner reads', async () => {
  const ran = await cli.run(['redis-acl', 'worker', '--pool', 'eu', '--pool', 'us', '--passwords', 'users'])
  expect([ran.code, ran.stdout.split('\n').length]).toEqual([0, 3])
  const file = join(cli.dir, 'users', 'telpher-worker-eu')
  const sum = createHash('sha256')
    .update((await readFile(file, 'utf8')).trim())
    .digest('hex')
  expect((await stat(file)).mode & 0o777).toBe(0o400)
  expect(ran.stdout).toContain(`user telpher-worker-eu #${sum} ${aclUser('worker', { pool: 'eu' }).rules.join(' ')}\n`)
  expect((await cli.run(['redis-acl', 'worker', '--pool', 'eu', '--pool', 'us', '--passwords', 'users'])).stdout).toBe(ran.stdout)
  expect((await cli.run(['redis-acl', 'nobody'])).code).toBe(2)
  expect((await cli.run(['redis-acl', '--pool', 'Not A Name'])).code).toBe(2)
})

test.each([
  ['telpher-worker-default', ['HGETALL', 'tel:{producers}:records']],
  ['telpher-worker-default', ['SET', 'tel:{targets}:records', 'x']],
  ['telpher-worker-default', ['HGET', 'tel:{targets}:accounts', 'a']],
  ['telpher-worker-default', ['HVALS', 'tel:{secrets}:sealed']],
  ['telpher-worker-default', ['GET', 'tel:{dep_1}:grant:job_1:1']],
  ['telpher-worker-other', ['LRANGE', 'tel:{broker}:answers:default:wrk_1', '0', '-1']],
  ['telpher-worker-default', ['GET', 'tel:{idem:x}']],
  ['telpher-worker-default', ['HGETALL', 'tel:{audit}:marks']],
  ['telpher-worker-other', ['LRANGE', '{tel-pool-default}:jobs:wait', '0', '-1']],
  ['telpher-producer', ['HGETALL', 'tel:{targets}:accounts']],
  ['telpher-producer', ['HSET', 'tel:{dep_1}:jobs', 'a', 'b']],
  ['telpher-producer', ['HVALS', 'tel:{secrets}:sealed']],
  ['telpher-server', ['CONFIG', 'SET', 'appendonly', 'no']],
  ['telpher-worker-default', ['CONFIG', 'GET', '*']],
  ['telpher-worker-default', ['BGREWRITEAOF']],
  ['telpher-server', ['KEYS', '*']],
  ['telpher-server', ['GET', 'somebody-elses']],
])('%s may not %j', async (user, command) => {
  const ran = await ask('ACL', 'DRYRUN', user, ...command)
  expect(ran.join(' ')).toMatch(/no permissions|can't/i)
})

import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MasterKey, makeKeyFile } from '../../../src/credentials/keyfile.ts'
import { createVault } from '../../../src/credentials/vault.ts'
import type { Job } from '../../../src/model/deployment.ts'
import { deploymentSecretId, type SecretSummary } from '../../../src/model/stepsecret.ts'
import type { Run } from '../../../src/scheduler/again.ts'
import { openSecrets } from '../../../src/server/broker/secrets.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { createTestCli, playDeployment, type TestCli } from '../cli/cli.ts'
import { newTarget, type ServedApi, serveApi, somePackage } from './api.ts'

let redis: OwnRedis
let served: ServedApi
let cli: TestCli
let one: MasterKey
let two: MasterKey
const canary = (): string => `canary-${randomBytes(18).toString('base64url')}`

beforeAll(async () => {
  redis = await startOwnRedis()
  const folder = await createTestCli({ url: 'http://127.0.0.1:1', token: 'none' })
  ;[one, two] = (await Promise.all(['one.key', 'two.key'].map((name) => makeKeyFile(join(folder.dir, name))))) as [MasterKey, MasterKey]
  served = await serveApi({ redisUrl: redis.url, key: one })
  cli = await createTestCli(served)
  await served.call('POST', '/v1/targets', newTarget('staging'))
  await mkdir(join(cli.dir, 'chart'))
  await writeFile(join(cli.dir, 'chart', 'Chart.yaml'), 'apiVersion: v2\nname: web\nversion: 1.0.0\n')
})
afterAll(async () => {
  await served.close()
  await redis.stop()
})

const forms = (value: string): string[] => [
  value,
  Buffer.from(value).toString('base64').replace(/=+$/, '').slice(0, -1),
  Buffer.from(value).toString('base64url').slice(0, -1),
  Buffer.from(value).toString('hex'),
]

/** Everything that Redis holds, as text. */
const dumped = async (): Promise<string> => {
  const keys = await redis.ask('KEYS', '*')
  const all = await Promise.all(
    keys.map(async (key) => {
      const type = (await redis.ask('TYPE', key))[0]
      const words = { hash: ['HGETALL', key], string: ['GET', key], zset: ['ZRANGE', key, '0', '-1'], stream: ['XRANGE', key, '-', '+'] }
      return type !== undefined && type in words ? (await redis.ask(...words[type as keyof typeof words])).join('\n') : ''
    }),
  )
  return all.join('\n')
}

const expectNowhere = async (value: string, ...texts: string[]): Promise<void> => {
  const seen = [await dumped(), ...served.logged, ...texts].join('\n')
  for (const form of forms(value)) expect(seen.includes(form), 'a form of the secret was seen').toBe(false)
}

const deploy = async (setSecret: object, headers: Record<string, string> = {}): Promise<Response> => {
  const { sha256 } = (await (await served.call('POST', '/v1/packages', somePackage())).json()) as { sha256: string }
  return deployOf(sha256, setSecret, headers)
}
const deployOf = (sha256: string, setSecret: object, headers: Record<string, string> = {}): Promise<Response> =>
  served.call(
    'POST',
    '/v1/deployments',
    { steps: [{ kind: 'helm', name: 'web', release: 'web', package: sha256, setSecret }], targets: ['staging'] },
    { authorization: `Bearer ${served.token}`, ...headers },
  )

const opened = async (job: Job, key: MasterKey = one): Promise<Record<string, string>> =>
  Object.fromEntries([...(await openSecrets(job, served.store, createVault(key)))].map(([path, secret]) => [path, secret.reveal()]))

describe('a stored secret', () => {
  test('is set from a file or standard input, listed, set anew and removed, and never shown', async () => {
    const [first, second] = [canary(), canary()]
    await writeFile(join(cli.dir, 'password'), `${first}\n`)
    const set = await cli.run(['secret', 'set', 'db-password', '--file', 'password', '-o', 'json'])
    expect(JSON.parse(set.stdout)).toMatchObject({ name: 'db-password', version: 1, bytes: first.length })
    const again = await cli.run(['secret', 'set', 'db-password', '--file', '-', '-o', 'json'], { stdin: second })
    const [before, after] = [set, again].map(({ stdout }) => JSON.parse(stdout) as SecretSummary)
    expect([after?.version, after?.fingerprint === before?.fingerprint]).toEqual([2, false])
    const listed = await cli.run(['secret', 'list'])
    expect(listed.stdout).toMatch(/^db-password +2 +/m)
    for (const value of [first, second]) await expectNowhere(value, set.stdout, again.stdout, listed.stdout, listed.stderr)
    expect((await cli.run(['secret', 'remove', 'db-password'])).code).toBe(0)
    expect((await cli.run(['secret', 'remove', 'db-password'])).stderr).toContain('there is no secret db-password')
  })

  test('is given in its newest value, by its name', async () => {
    await served.call('PUT', '/v1/secrets/token', { value: 'first-value' })
    const run = (await (await deploy({ 'auth.token': { secret: 'token' } })).json()) as Run
    expect(await opened(run.jobs[0]!)).toEqual({ 'auth.token': 'first-value' })
    await served.call('PUT', '/v1/secrets/token', { value: 'second-value' })
    expect(await opened(run.jobs[0]!)).toEqual({ 'auth.token': 'second-value' })
    await served.call('DELETE', '/v1/secrets/token')
    await expect(opened(run.jobs[0]!)).rejects.toMatchObject({ code: 'unknown_secret' })
  })

  test('of two that are set at once, both are versions', async () => {
    const answers = await Promise.all(['a', 'b', 'c'].map((value) => served.call('PUT', '/v1/secrets/raced', { value: `value-${value}` })))
    const versions = await Promise.all(answers.map(async (answer) => ((await answer.json()) as SecretSummary).version))
    expect(versions.sort()).toEqual([1, 2, 3])
  })

  test('in the place of another does not open', async () => {
    for (const name of ['here', 'there']) await served.call('PUT', `/v1/secrets/${name}`, { value: `value of ${name}` })
    const [text = ''] = await redis.ask('HGET', 'tel:{secrets}:sealed', 'there')
    await redis.ask('HSET', 'tel:{secrets}:sealed', 'here', text)
    const run = (await (await deploy({ a: { secret: 'here' } })).json()) as Run
    await expect(opened(run.jobs[0]!)).rejects.toMatchObject({ code: 'sealed_record' })
  })
})

describe('a secret of one deployment', () => {
  test('is sealed for it, is in no answer, and its repetition is known by a keyed fingerprint', async () => {
    const value = canary()
    const { sha256 } = (await (await served.call('POST', '/v1/packages', somePackage())).json()) as { sha256: string }
    const given = { 'db.password': { value } }
    const answer = await deployOf(sha256, given, { 'idempotency-key': 'k1' })
    const text = await answer.text()
    const run = JSON.parse(text) as Run
    expect(run.deployment.request.steps[0]).toMatchObject({
      setSecret: { 'db.password': { sealed: expect.stringMatching(/^[0-9a-f]{16}$/) } },
    })
    expect(await opened(run.jobs[0]!)).toEqual({ 'db.password': value })
    const repeated = await deployOf(sha256, given, { 'idempotency-key': 'k1' })
    expect(await repeated.text()).toBe(text)
    const other = await deployOf(sha256, { 'db.password': { value: canary() } }, { 'idempotency-key': 'k1' })
    expect(((await other.json()) as { name: string }).name).toBe('idempotency_mismatch')
    const { id } = run.deployment
    const shown = await Promise.all(
      [`/v1/deployments/${id}`, `/v1/deployments/${id}/events`, `/v1/deployments/${id}/diff?with=${id}`, '/v1/backup'].map(async (path) =>
        (await served.call('GET', path)).text(),
      ),
    )
    const viewed = await cli.run(['view', id])
    await expectNowhere(value, text, ...shown, viewed.stdout, viewed.stderr)
  })

  test('goes along when it is run again, sealed for the new one', async () => {
    const value = canary()
    const run = (await (await deploy({ password: { value } })).json()) as Run
    await playDeployment(served.store, run.deployment.id, { status: 'failed', sentence: 'broken' })
    for (const verb of ['retry', 'rerun']) {
      const again = (await (await served.call('POST', `/v1/deployments/${run.deployment.id}/${verb}`)).json()) as Run
      expect(await opened(again.jobs[0]!)).toEqual({ password: value })
    }
    await redis.ask('DEL', `tel:{${run.deployment.id}}:secrets`)
    const gone = await served.call('POST', `/v1/deployments/${run.deployment.id}/rerun`)
    expect([gone.status, ((await gone.json()) as { name: string }).name]).toEqual([410, 'secret_expired'])
  })

  test('expires with it', async () => {
    const { deployment } = (await (await deploy({ password: { value: canary() } })).json()) as Run
    expect(await redis.ask('TTL', `tel:{${deployment.id}}:secrets`)).toEqual(['-1'])
    await playDeployment(served.store, deployment.id, { status: 'succeeded', sentence: 'done' })
    expect(Number((await redis.ask('TTL', `tel:{${deployment.id}}:secrets`))[0])).toBeGreaterThan(0)
  })

  test('of another deployment does not open', async () => {
    const runs = await Promise.all(
      ['a', 'b'].map(async (of) => (await (await deploy({ password: { value: `value ${of}` } })).json()) as Run),
    )
    const [a, b] = runs.map(({ deployment: { id } }) => ({ key: `tel:{${id}}:secrets`, field: deploymentSecretId(id, 0, 'password') }))
    const [sealed = ''] = await redis.ask('HGET', a!.key, a!.field)
    await redis.ask('HSET', b!.key, b!.field, sealed)
    await expect(opened(runs[1]!.jobs[0]!)).rejects.toMatchObject({ code: 'sealed_record' })
  })

  test('is given by a file on the command line, and the value is in no text', async () => {
    const value = canary()
    await writeFile(join(cli.dir, 'value'), value)
    const ran = await cli.run([
      'deploy',
      'chart',
      '--helm',
      'web',
      '--target',
      'staging',
      '--set-secret',
      'a.b=@value',
      '--no-wait',
      '-o',
      'json',
    ])
    const run = JSON.parse(ran.stdout) as Run
    expect(await opened(run.jobs[0]!)).toEqual({ 'a.b': value })
    await expectNowhere(value, ran.stdout, ran.stderr)
  })
})

test.each([
  [{ a: { value: '' } }, 422, 'steps.0.setSecret.a.value: it is empty'],
  [{ a: { value: 'x'.repeat(8193) } }, 422, 'steps.0.setSecret.a.value: it has 8193 bytes, and at most 8192 are taken'],
  [{ a: { value: 'x\0y' } }, 422, 'steps.0.setSecret.a.value: it holds a zero byte, which no text has'],
  [{ a: { value: '\ud800' } }, 422, 'steps.0.setSecret.a.value: it is not UTF-8'],
  [
    { a: { value: 'hidden-value', secret: 'b' } },
    422,
    'steps.0.setSecret.a: give secret, the name of a stored one, or value, and not both',
  ],
  [{ a: { sealed: '0123456789abcdef' } }, 422, 'steps.0.setSecret.a: sealed is how it is shown'],
  [{ 'a=b': { value: 'hidden-value' } }, 422, 'use the path of a value'],
  [{ a: { value: 'x'.repeat(5000) }, b: { value: 'y'.repeat(5000) } }, 422, 'have 10000 bytes together'],
  [{ a: { secret: 'nobody-has-it' } }, 404, 'there is no secret nobody-has-it'],
])('%.60j is refused', async (setSecret, status, detail) => {
  const answer = await deploy(setSecret)
  const text = await answer.text()
  expect(answer.status).toBe(status)
  expect((JSON.parse(text) as { detail: string }).detail).toContain(detail)
  expect(text).not.toContain('hidden-value')
})

test.each([
  [['a=value'], 'a value is never on the command line'],
  [['a'], 'use NAME=@FILE'],
  [['a=@nothing-there'], 'cannot read nothing-there'],
  [['a=@empty'], '--set-secret a: it is empty'],
  [['a=@bytes'], '--set-secret a: it is not UTF-8'],
  [['a=@long'], '--set-secret a: it has 9000 bytes'],
  [['a=@fine', 'a=@fine'], 'it is given twice'],
  [['a=-', 'b=-'], 'standard input is another secret already'],
  [['a=secret:No'], 'names no secret'],
])('--set-secret %j is refused before anything is sent', async (given, detail) => {
  await writeFile(join(cli.dir, 'empty'), '\n')
  await writeFile(join(cli.dir, 'bytes'), Buffer.from([0xff, 0xfe, 0x00]))
  await writeFile(join(cli.dir, 'long'), 'x'.repeat(9000))
  await writeFile(join(cli.dir, 'fine'), 'fine-value')
  const flags = given.flatMap((one) => ['--set-secret', one])
  const { code, stderr } = await cli.run(['deploy', 'chart', '--helm', 'web', '--target', 'staging', ...flags], { stdin: 'from stdin' })
  expect([code, stderr]).toEqual([2, expect.stringContaining(detail)])
})

test('keys are counted with their secrets, and sealing anew takes these along', async () => {
  const value = canary()
  await served.call('PUT', '/v1/secrets/kept', { value })
  const run = (await (await deploy({ a: { secret: 'kept' }, b: { value } })).json()) as Run
  const next = await serveApi({ redisUrl: redis.url, key: { ...two, older: [one] } })
  const other = await createTestCli(next)
  const before = JSON.parse((await other.run(['keys', 'list', '-o', 'json'])).stdout) as { kid: string; secrets: number }[]
  expect(before.map(({ kid, secrets }) => [kid, secrets > 0])).toEqual([
    [two.kid, false],
    [one.kid, true],
  ])
  await other.run(['keys', 'rotate'])
  expect(await opened(run.jobs[0]!, two)).toEqual({ a: value, b: value })
  const after = await next.store.sealed.count()
  // The one that was put in another's place opens nowhere, and stays.
  expect(after.get(one.kid)?.secrets ?? 0).toBeLessThanOrEqual(2)
  await next.close()
})

test('a credential in a field that is stored in clear is refused by its name, and nothing of it is kept', async () => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = `${part({ alg: 'RS256' })}.${part({ sub: 'admin' })}.${'c2lnbmF0dXJl'.repeat(4)}`
  const step = { kind: 'helm', name: 'web', release: 'web', package: 'a'.repeat(64), set: { 'api.token': token } }
  const inClear = await served.call('POST', '/v1/deployments', { steps: [step], targets: ['staging'] })
  const problem = (await inClear.json()) as { name: string; detail: string }
  expect([inClear.status, problem.name]).toEqual([422, 'credential_in_clear'])
  expect(problem.detail).toContain('steps.0.set.api.token: ')
  expect(JSON.stringify(problem)).not.toContain(token.slice(0, 12))
  expect((await deploy({ 'api.token': { value: token } })).status).toBe(202)
  const said = await cli.run(['deploy', 'chart', '--helm', 'web', '--target', 'staging', '--set', `api.token=${token}`])
  expect([said.code, said.stderr]).toEqual([2, expect.stringContaining('steps.0.set.api.token')])
})

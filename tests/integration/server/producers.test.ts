import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sealUpload } from '../../../src/credentials/packages.ts'
import { newId } from '../../../src/model/ids.ts'
import { signSubmission } from '../../../src/model/producer.ts'
import { signText } from '../../../src/model/signature.ts'
import { type DeploymentProducer, openProducer } from '../../../src/producer.ts'
import { startInbox } from '../../../src/server/inbox.ts'
import { unpack } from '../../../src/steps/package/unpack.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { createTestCli, playDeployment, type TestCli } from '../cli/cli.ts'
import { newTarget, type ServedApi, serveApi } from './api.ts'

let redis: OwnRedis
let served: ServedApi
let cli: TestCli
let producer: DeploymentProducer
const closing = new AbortController()
const inboxes: { stopped: Promise<void> }[] = []
const web = { path: 'web.yaml', targets: ['staging'] }

const open = (options: Partial<Parameters<typeof openProducer>[0]> = {}): Promise<DeploymentProducer> =>
  openProducer({ redisUrl: redis.url, name: 'api', keyFile: join(cli.dir, 'api.key'), cwd: cli.dir, ...options })

beforeAll(async () => {
  redis = await startOwnRedis()
  served = await serveApi({ redisUrl: redis.url })
  cli = await createTestCli(served)
  // Two servers, as there may be: each submission is taken by one of them.
  for (let server = 0; server < 2; server++)
    inboxes.push(startInbox({ store: served.store, packages: served.packages, log: () => {}, signal: closing.signal }))
  for (const [name, env] of [
    ['staging', 'staging'],
    ['prod', 'prod'],
  ])
    await served.call('POST', '/v1/targets', newTarget(name ?? '', { tags: [`env=${env}`], namespace: 'shop' }))
  expect((await cli.run(['producer', 'add', 'api', '--tag', 'env=staging'])).code).toBe(0)
  producer = await open()
})
afterAll(async () => {
  closing.abort()
  await Promise.all(inboxes.map(({ stopped }) => stopped))
  await producer.close()
  await served.close()
  await redis.stop()
})

describe('a producer', () => {
  test('is enrolled with a key that only its owner may read, listed, and not enrolled twice', async () => {
    expect(statSync(join(cli.dir, 'api.key')).mode & 0o777).toBe(0o400)
    const listed = await cli.run(['producer', 'list'])
    expect(listed.stdout).toMatch(/^api +env=staging +[0-9a-f]{16} /m)
    const key = readFileSync(join(cli.dir, 'api.key'), 'utf8')
    const again = await cli.run(['producer', 'add', 'api', '--key-file', 'other.key'])
    expect(again.stderr).toContain('there is a producer api already')
    expect(existsSync(join(cli.dir, 'other.key'))).toBe(false)
    expect(readFileSync(join(cli.dir, 'api.key'), 'utf8')).toBe(key)
    // What is wrong with the request must not cost a key that somebody has.
    expect((await cli.run(['producer', 'add', 'Api', '--key-file', 'api.key', '--tag', 'and'])).code).toBe(2)
    expect(readFileSync(join(cli.dir, 'api.key'), 'utf8')).toBe(key)
  })

  test('submits, watches and has the result and the log of a deployment, without a token of the server', async () => {
    const run = await producer.deploy(web)
    const playing = playDeployment(served.store, run.id, { status: 'succeeded', sentence: 'done' }, { lines: ['one'] })
    const seen: string[] = []
    for await (const event of run) if (event.type === 'job') seen.push(event.to)
    await playing
    expect(seen.at(-1)).toBe('succeeded')
    const { result, deployment, jobs } = await run.result()
    expect([result, deployment.producer]).toEqual(['success', 'api'])
    expect((await Array.fromAsync(run.log(jobs[0]?.jobId ?? ''))).map(({ text }) => text)).toEqual(['one'])
    expect((await (await producer.run(run.id)).detail()).deployment.id).toBe(run.id)
  })

  test('makes one deployment of each of many submissions at a time', async () => {
    const runs = await Promise.all(Array.from({ length: 20 }, () => producer.deploy(web)))
    expect(new Set(runs.map(({ id }) => id)).size).toBe(20)
    expect(await redis.ask('XLEN', 'tel:{inbox}:submissions')).toEqual(['0'])
  })

  test.each([
    ['a target that it may not deploy to', { ...web, targets: ['prod'] }, 'target_not_allowed'],
    ['a tag that means such a target too', { path: 'web.yaml', tag: 'env=staging or env=prod' }, 'target_not_allowed'],
    ['a target that is not there', { ...web, targets: ['nowhere'] }, 'unknown_target'],
    ['no target', { path: 'web.yaml' }, 'invalid_input'],
    ['a file that is not there', { ...web, path: 'nothing.yaml' }, 'empty_package'],
  ])('is refused %s, with the code of the reason', async (_, deployment, code) => {
    await expect(producer.deploy(deployment)).rejects.toMatchObject({ code })
  })

  test('that signs with another key is refused', async () => {
    const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const stranger = await open({ key, serverKey: await readFile(join(cli.dir, 'api.key'), 'utf8') })
    await expect(stranger.deploy(web)).rejects.toMatchObject({ code: 'submission_refused' })
    await stranger.close()
  })

  test('that nobody enrolled is refused, and so is one that was removed', async () => {
    const nobody = await open({ name: 'nobody' })
    await expect(nobody.deploy(web)).rejects.toMatchObject({ code: 'unknown_producer' })
    await nobody.close()
    await cli.run(['producer', 'add', 'gone'])
    const gone = await open({ name: 'gone', keyFile: join(cli.dir, 'gone.key') })
    await gone.deploy(web)
    expect((await cli.run(['producer', 'remove', 'gone'])).code).toBe(0)
    await expect(gone.deploy(web)).rejects.toMatchObject({ code: 'unknown_producer' })
    expect((await cli.run(['producer', 'remove', 'gone'])).stderr).toContain('there is no producer gone')
    await gone.close()
  })

  test.each([
    [{}, 'keyFile'],
    [{ keyFile: '/nonexistent' }, 'keyFile'],
    [{ key: 'hunter2-secret' }, 'key'],
  ])('without a key that can be read is an error that does not quote it: %j', async (options, field) => {
    const opening = openProducer({ redisUrl: redis.url, name: 'api', ...options })
    const error = await opening.catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'usage', field })
    expect(String(error)).not.toContain('hunter2')
  })
})

test('what lies in the inbox twice makes one deployment, and rubbish none', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  await writeFile(join(cli.dir, 'own.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
  expect((await cli.run(['producer', 'add', 'own', '--public-key', 'own.pub'])).code).toBe(0)
  const { steps } = (await (await producer.deploy(web)).detail()).deployment.request
  const id = 'sub_01JD0000000000000000000000'
  const submission = { version: 1, producer: 'own', id, expiresAt: Date.now() + 60_000, request: { steps, targets: ['prod'] } }
  const signed = signSubmission(submission, privateKey)
  const answers = [
    await served.store.inbox.submit({ producer: 'own', id, ...signed }, 10_000),
    await served.store.inbox.submit({ producer: 'own', id, ...signed }, 10_000),
  ]
  expect(answers[0]).toMatchObject({ deployment: expect.stringMatching(/^dep_/) })
  expect(answers[1]).toEqual(answers[0])
  // An answer goes to the id that it was submitted under: whoever submits a copy under another one learns nothing of it.
  expect(await served.store.inbox.submit({ producer: 'own', id: 'other', body: 'x', signature: 'y' }, 10_000)).toMatchObject({
    code: 'submission_refused',
  })
})

test('a submission that a server took and did not answer is taken by another one; none in time is an error', async () => {
  const own = await startOwnRedis()
  const alone = await serveApi({ redisUrl: own.url })
  try {
    await alone.store.producers.create({ name: 'api', publicKey: '', fingerprint: '', createdAt: 1 })
    // Sealed to the servers that the producer knows: nothing of it is opened here.
    const told = await served.store.packages.uploadTo()
    if (told !== undefined) await alone.store.packages.setUploadTo(told)
    const waiting = await open({ redisUrl: own.url })
    await expect(waiting.deploy(web, { timeoutMs: 300 })).rejects.toMatchObject({ code: 'wait_timed_out' })
    await waiting.close()
    const dying = new AbortController()
    expect(await alone.store.inbox.take('one', dying.signal)).toHaveLength(1)
    dying.abort()
    // As if it had been taken long ago.
    const [entry = ''] = await own.ask('XPENDING', 'tel:{inbox}:submissions', 'servers', '-', '+', '1')
    await own.ask('XCLAIM', 'tel:{inbox}:submissions', 'servers', 'one', '0', entry, 'IDLE', '60000')
    const living = new AbortController()
    const other = await serveApi({ redisUrl: own.url })
    expect(await other.store.inbox.take('two', living.signal)).toHaveLength(1)
    living.abort()
    await other.close()
  } finally {
    await alone.close()
    await own.stop()
  }
})

test('a producer seals packages to nothing but what the servers of its enrolment signed', async () => {
  const told = await served.store.packages.uploadTo()
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const evil = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64')
  const before = await redis.ask('KEYS', 'tel:{pkg:*')
  await writeFile(join(cli.dir, 'more.yaml'), 'apiVersion: v1\nkind: Secret\nmetadata: {name: more}\n')
  for (const to of [
    { body: evil, signature: told?.signature ?? '' },
    signText('package key', evil, generateKeyPairSync('ed25519').privateKey),
    signText('envelope', evil, createPrivateKey(await readFile(join(cli.dir, 'api.key'), 'utf8'))),
  ]) {
    await served.store.packages.setUploadTo(to)
    await expect(producer.deploy({ ...web, path: 'more.yaml' })).rejects.toMatchObject({
      code: 'upload_refused',
      message: expect.stringContaining('not signed'),
    })
  }
  expect(await redis.ask('KEYS', 'tel:{pkg:*')).toEqual(before)
  expect(privateKey.asymmetricKeyType).toBe('x25519')
  if (told !== undefined) await served.store.packages.setUploadTo(told)
  await producer.deploy({ ...web, path: 'more.yaml' })
})

test('a key of its own that a service has goes with the key of the servers that enrolling it says', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  await writeFile(join(cli.dir, 'keyed.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const added = await cli.run(['producer', 'add', 'keyed', '--public-key', 'keyed.pub', '-o', 'json'])
  const { serverKey } = JSON.parse(added.stdout) as { serverKey: string }
  await expect(open({ name: 'keyed', key })).rejects.toMatchObject({
    code: 'usage',
    field: 'key',
    message: expect.stringContaining('serverKey'),
  })
  const ours = await open({ name: 'keyed', key, serverKey })
  expect((await ours.deploy(web)).id).toMatch(/^dep_/)
  await ours.close()
})

test('a credential in a field of a submission is refused by the library before anything is sent, and by the server', async () => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = `${part({ alg: 'RS256' })}.${part({ sub: 'admin' })}.${'c2lnbmF0dXJl'.repeat(4)}`
  await expect(producer.deploy({ ...web, steps: [{ path: 'web.yaml' }], name: token })).rejects.toMatchObject({
    code: 'credential_in_clear',
    field: 'name',
  })
  expect(await redis.ask('XLEN', 'tel:{inbox}:submissions')).toEqual(['0'])
  const key = createPrivateKey(await readFile(join(cli.dir, 'api.key'), 'utf8'))
  const step = { kind: 'apply', name: 'web', package: 'a'.repeat(64) }
  const submission = { version: 1, producer: 'api', id: newId('sub'), expiresAt: Date.now() + 60_000 }
  const signed = signSubmission({ ...submission, request: { name: token, steps: [step], targets: ['staging'] } }, key)
  expect(await served.store.inbox.submit({ producer: 'api', id: submission.id, ...signed }, 20_000)).toMatchObject({
    code: 'credential_in_clear',
    field: 'name',
  })
})

test('what a producer uploads is ciphertext in Redis, under the master key as soon as a server took it, and not what somebody put there since', async () => {
  const run = await producer.deploy(web)
  const name = (await served.store.deployments.get(run.id)).deployment.request.steps[0]?.package ?? ''
  const key = await served.store.packages.key(name)
  expect(key).toMatchObject({ type: 'package', id: name })
  expect([...(await unpack(await served.packages.read(name))).keys()]).toContain('web.yaml')
  // The same again has the same name, and is not uploaded.
  const again = await producer.deploy(web)
  expect((await served.store.deployments.get(again.id)).deployment.request.steps[0]?.package).toBe(name)
  const to = (await served.store.packages.uploadTo())?.body ?? ''
  const other = sealUpload(Buffer.from('something else'), to)
  await redis.ask('DEL', `tel:{pkg:${name}}`)
  await served.store.packages.put({ ...other, id: name })
  await expect(producer.deploy(web)).rejects.toMatchObject({ code: 'sealed_record' })
  await expect(served.packages.keyOf(name)).rejects.toMatchObject({ code: 'sealed_record' })
})

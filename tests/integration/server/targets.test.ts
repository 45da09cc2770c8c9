import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAuthority } from '../../../src/sandbox/kubernetes/pki.ts'
import { shapes } from '../../../src/server/shapes.ts'
import { sampleWorker } from '../../support/samples.ts'
import { freshName, newTarget, type ServedApi, serveApi, startDeployment } from './api.ts'

let served: ServedApi
beforeAll(async () => {
  served = await serveApi()
})
afterAll(() => served.close())

const add = (name: string, changes: object = {}): Promise<Response> => served.call('POST', '/v1/targets', newTarget(name, changes))

test('a credential is sealed at once: no answer, no record and no log holds it', async () => {
  const name = freshName('target')
  const secret = `secret-of-${name}`
  const added = await add(name, { policy: { namespaces: ['shop', 'web'] }, tags: ['env=test'] })
  expect([added.status, added.headers.get('location')]).toEqual([201, `/v1/targets/${name}`])
  const text = await added.text()
  const target = JSON.parse(text) as { account: { id: string; fingerprint: string }; namespace: string }
  expect(shapes.target.safeParse(target).error).toBeUndefined()
  expect(target).toMatchObject({ name, namespace: 'shop', tags: ['env=test'], pool: 'default', settleSeconds: 5 })
  expect(target.account).toEqual({
    id: expect.stringMatching(/^acc_/),
    mode: 'static-token',
    fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
  })
  const sealed = await served.store.accounts.get(target.account.id)
  const everything = [
    text,
    await (await served.call('GET', `/v1/targets/${name}`)).text(),
    await (await served.call('GET', '/v1/targets')).text(),
    JSON.stringify(sealed),
    served.logged.join('\n'),
  ].join('\n')
  expect(everything).not.toContain(secret)
  expect(everything).not.toContain(Buffer.from(secret).toString('base64').slice(0, 20))
})

test('a client certificate is taken with its key only', async () => {
  const authority = await createAuthority('test')
  const [mine, other] = [await authority.issue({ commonName: 'ana' }), await authority.issue({ commonName: 'bob' })]
  const pair = (certificate: string, key: string): object => ({ credential: { kind: 'client-certificate', certificate, key } })
  const name = freshName('target')
  const added = await add(name, pair(mine.certPem, mine.keyPem))
  expect(await added.json()).toMatchObject({ account: { mode: 'client-certificate', expiresAt: expect.any(Number) } })
  const wrong = await add(freshName('target'), pair(mine.certPem, other.keyPem))
  const text = await wrong.text()
  expect(JSON.parse(text)).toMatchObject({
    status: 422,
    errors: [{ pointer: '/credential/key', detail: expect.stringContaining('another certificate') }],
  })
  expect(text).not.toContain(other.keyPem.split('\n')[1] ?? '?')
  const broken = await add(freshName('target'), pair('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', mine.keyPem))
  expect(await broken.json()).toMatchObject({ status: 422, errors: [{ pointer: '/credential/certificate' }] })
})

test.each([
  ['an address without TLS', { server: 'http://a.example' }, '/server'],
  ['a password in the address', { server: 'https://ana:hunter2@a.example' }, '/server'],
  ['trust that is no certificate', { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' }, '/ca'],
  ['a token with a line end', { credential: { kind: 'bearer', token: 'hunter2\n' } }, '/credential/token'],
  ['no credential', { credential: undefined }, '/credential'],
  ['an unknown kind of credential', { credential: { kind: 'exec', command: 'aws' } }, '/credential/kind'],
  ['a namespace that is not allowed', { namespace: 'kube-system', policy: { namespaces: ['shop'] } }, '/namespace'],
  ['a name that is none', { name: 'Local_1' }, '/name'],
])('%s is refused by its field', async (_, changes, pointer) => {
  const response = await add(freshName('target'), changes)
  const text = await response.text()
  expect(response.status).toBe(422)
  expect((JSON.parse(text) as { errors: { pointer: string }[] }).errors.map((error) => error.pointer)).toContain(pointer)
  expect(text).not.toContain('hunter2')
})

test('a name is taken once, free again after removal, and kept while a deployment uses it', async () => {
  const name = freshName('target')
  expect((await add(name)).status).toBe(201)
  const again = await add(name)
  expect([again.status, ((await again.json()) as { name: string }).name]).toEqual([409, 'target_exists'])
  expect((await served.call('DELETE', `/v1/targets/${name}`)).status).toBe(204)
  expect((await add(name)).status).toBe(201)
  const { id, targets } = await startDeployment(served)
  const used = await served.call('DELETE', `/v1/targets/${targets[0]}`)
  expect([used.status, ((await used.json()) as { name: string }).name]).toEqual([409, 'target_in_use'])
  await served.call('POST', `/v1/deployments/${id}/cancel`)
})

test('a check is put into the queue of its pool, says that nobody is there, then gives the report', async () => {
  const [name, pool] = [freshName('target'), freshName('pool')]
  await add(name, { pool })
  const started = await served.call('POST', `/v1/targets/${name}/checks`)
  expect(started.status).toBe(202)
  const { id, waitsFor } = (await started.json()) as { id: string; waitsFor: string }
  expect(waitsFor).toBe(`no worker in pool ${pool} is alive`)
  expect(started.headers.get('location')).toBe(`/v1/targets/${name}/checks/${id}`)
  expect(await served.queue.holds(pool, { kind: 'check', checkId: id, target: name })).toBe('waiting')
  const pending = await served.call('GET', `/v1/targets/${name}/checks/${id}`)
  expect([pending.status, await pending.json()]).toEqual([202, { state: 'pending', waitsFor }])

  const worker = sampleWorker(freshName('wrk'), { pool })
  await served.store.workers.beat(worker)
  expect(await (await served.call('GET', `/v1/targets/${name}/checks/${id}`)).json()).toEqual({ state: 'pending' })
  // What a worker of the pool would report.
  const report = {
    target: name,
    ok: true,
    at: 1,
    worker: worker.name,
    lines: [{ rung: 'dns', subject: 'a.example', status: 'ok', ms: 2, message: '192.0.2.1' }],
  } as const
  await served.store.checks.put(id, report)
  const done = await served.call('GET', `/v1/targets/${name}/checks/${id}`)
  expect([done.status, await done.json()]).toEqual([200, report])
  const other = freshName('target')
  await add(other)
  expect((await served.call('GET', `/v1/targets/${other}/checks/${id}`)).status).toBe(404)
  await served.store.workers.remove(worker.id)
})

import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunDiff } from '../../../src/model/rundiff.ts'
import { shapes } from '../../../src/server/shapes.ts'
import { packPath } from '../../../src/steps/package/pack.ts'
import { playDeployment } from '../cli/cli.ts'
import { freshName, newTarget, type ServedApi, serveApi, somePackage } from './api.ts'

let served: ServedApi
const [a, b] = [freshName('a'), freshName('b')]
beforeAll(async () => {
  served = await serveApi()
  for (const name of [a, b]) await served.call('POST', '/v1/targets', newTarget(name))
})
afterAll(() => served.close())

const upload = async (bytes: Uint8Array): Promise<string> =>
  ((await (await served.call('POST', '/v1/packages', bytes)).json()) as { sha256: string }).sha256

const packed = async (files: Readonly<Record<string, string>>): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-diff-'))
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true })
    await writeFile(join(dir, name), content)
  }
  return upload((await packPath(dir)).bytes)
}
const deploy = async (body: object): Promise<string> =>
  ((await (await served.call('POST', '/v1/deployments', body)).json()) as { deployment: { id: string } }).deployment.id
const diff = async (one: string, other: string): Promise<RunDiff> => {
  const answer = await served.call('GET', `/v1/deployments/${one}/diff?with=${other}`)
  const found = (await answer.json()) as RunDiff
  expect([answer.status, shapes.runDiff.safeParse(found).error]).toEqual([200, undefined])
  return found
}

const good = { status: 'succeeded', sentence: 'done' } as const
const secret = (password: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: ${password}, user: shop-user}\n`
const web = (image: string): string => `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  image: ${image}\n`

test('inputs, steps, values, files, targets and results that differ are told of; of Secrets no value is', async () => {
  const before = await packed({ 'web.yaml': web('web:1'), 'secret.yaml': secret('hunter2'), 'old.yaml': web('x') })
  const after = await packed({ 'web.yaml': web('web:2'), 'secret.yaml': secret('hunter3'), 'new.yaml': web('x') })
  const chart = await upload(somePackage())
  const helm = { kind: 'helm', name: 'chart', package: chart, release: 'web' }
  const one = await deploy({
    name: 'shop',
    inputs: { version: '1', dbPassword: 'hunter2' },
    steps: [
      { kind: 'apply', name: 'web', package: before },
      { ...helm, set: { replicas: '2', 'auth.password': 'hunter2' } },
    ],
    targets: [a],
  })
  await playDeployment(served.store, one, good)
  const other = await deploy({
    name: 'shop',
    inputs: { version: '2', dbPassword: 'hunter3' },
    steps: [
      { kind: 'apply', name: 'web', package: after, deadlineSeconds: 60 },
      { ...helm, set: { replicas: '3', 'auth.password': 'hunter2' } },
      { kind: 'apply', name: 'smoke', package: after },
    ],
    targets: [a, b],
  })
  await playDeployment(served.store, other, { status: 'failed', sentence: 'it is broken', code: 'verify_failed' })

  const found = await diff(one, other)
  expect(found).toMatchObject({ a: one, b: other, same: false, targets: { onlyA: [], onlyB: [b] } })
  expect(found.request).toEqual([
    { field: 'inputs.version', a: '1', b: '2' },
    { field: 'inputs.dbPassword', a: expect.stringMatching(/^\(hidden/), b: expect.stringMatching(/^\(hidden/) },
  ])
  expect(found.steps.map(({ step, change }) => [step, change])).toEqual([
    ['web', 'changed'],
    ['chart', 'changed'],
    ['smoke', 'added'],
  ])
  const [first, second] = found.steps
  expect(first?.fields).toEqual([{ field: 'deadlineSeconds', a: '600', b: '60' }])
  expect(second?.fields).toEqual([{ field: 'set.replicas', a: '2', b: '3' }])
  expect(first?.package).toMatchObject({ a: await served.packages.find(before), b: await served.packages.find(after) })
  const files = new Map(first?.package?.files.map((file) => [file.path, file]))
  expect([...files].map(([path, { change }]) => [path, change])).toEqual([
    ['new.yaml', 'added'],
    ['old.yaml', 'removed'],
    ['secret.yaml', 'changed'],
    ['web.yaml', 'changed'],
  ])
  expect(files.get('web.yaml')?.diff).toEqual(expect.arrayContaining(['-  image: web:1', '+  image: web:2']))
  expect(files.get('web.yaml')?.a).toMatch(/^[0-9a-f]{64}$/)
  const lines = files.get('secret.yaml')?.diff ?? []
  expect(lines.filter((line) => /^[-+]/.test(line)).map((line) => line.replace(/[0-9a-f]{8}/, 'HASH'))).toEqual([
    '-  password: (hidden HASH)',
    '+  password: (hidden HASH)',
  ])
  expect(files.get('secret.yaml')).not.toHaveProperty('a')
  expect(JSON.stringify(found)).not.toMatch(/hunter|shop-user/)
  expect(found.results).toContainEqual({
    step: 'web',
    target: a,
    a: { status: 'succeeded', sentence: 'done', attempts: 1 },
    b: { status: 'failed', sentence: 'it is broken', code: 'verify_failed', attempts: 1 },
  })
  expect(found.timings.totalA).toBeGreaterThanOrEqual(0)
})

test('a rerun that ended the same differs in its times only', async () => {
  const sha256 = await packed({ 'web.yaml': web('web:1') })
  const one = await deploy({ steps: [{ kind: 'apply', name: 'web', package: sha256 }], targets: [a] })
  await playDeployment(served.store, one, good)
  const answer = await served.call('POST', `/v1/deployments/${one}/rerun`)
  const { deployment } = (await answer.json()) as { deployment: { id: string } }
  await playDeployment(served.store, deployment.id, good)
  expect(await diff(one, deployment.id)).toMatchObject({ same: true, request: [], steps: [], results: [] })
})

test('packages that cannot be read are told of by their sums', async () => {
  const [before, after] = [await upload(somePackage()), await packed({ 'web.yaml': web('web:2') })]
  const one = await deploy({ steps: [{ kind: 'apply', name: 'web', package: before }], targets: [a] })
  const other = await deploy({ steps: [{ kind: 'apply', name: 'web', package: after }], targets: [a] })
  const [step] = (await diff(one, other)).steps
  expect(step?.package).toEqual({
    a: await served.packages.find(before),
    b: await served.packages.find(after),
    files: [],
    note: expect.stringContaining('cannot be read'),
  })
})

test('a deployment that there is not has no differences', async () => {
  const one = await deploy({ steps: [{ kind: 'apply', name: 'web', package: await upload(somePackage()) }], targets: [a] })
  for (const query of ['?with=x', `?with=dep_${'0'.repeat(26)}`])
    expect((await served.call('GET', `/v1/deployments/${one}/diff${query}`)).status).toBe(404)
  expect((await served.call('GET', `/v1/deployments/${one}/diff`)).status).toBe(422)
})

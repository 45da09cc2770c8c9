import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Deployment } from '../../../src/model/deployment.ts'
import { unpack } from '../../../src/steps/package/unpack.ts'
import { freshName, newTarget, type ServedApi, serveApi } from '../server/api.ts'
import { createTestCli, deploymentOn, playDeployment, type TestCli } from './cli.ts'

let served: ServedApi
let cli: TestCli
beforeAll(async () => {
  served = await serveApi()
})
afterAll(() => served.close())
beforeEach(async () => {
  cli = await createTestCli(served)
  await put('manifests/a.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n')
  await put('chart/Chart.yaml', 'apiVersion: v2\nname: web\nversion: 1.0.0\n')
  await put('prod.yaml', 'replicas: 2\n')
})

const put = async (path: string, text: string): Promise<void> => {
  await mkdir(join(cli.dir, path, '..'), { recursive: true })
  await writeFile(join(cli.dir, path), text)
}
const addTarget = async (changes: object = {}): Promise<string> => {
  const name = freshName('target')
  await served.call('POST', '/v1/targets', newTarget(name, changes))
  return name
}
const shop = (targets: string): string => `name: shop
inputs:
  tag: { type: string }
targets: ${targets}
steps:
  - name: config
    apply: [./manifests, web.yaml]
    namespace: shop
    deadline: 2m
  - name: web
    helm:
      chart: ./chart
      release: shop-web
      values: [prod.yaml]
      set: { image.tag: "v\${inputs.tag}", list: "{a,b}" }
      createNamespace: true
    when: always
`
const started = (stdout: string): Deployment => (JSON.parse(stdout) as { deployment: Deployment }).deployment

test('starts the steps of telpher.yaml on the targets with all of its tags', async () => {
  const [env, region] = [freshName('env'), freshName('region')]
  const [one, two] = [await addTarget({ tags: [env, region] }), await addTarget({ tags: [region, env] })]
  await addTarget({ tags: [env] })
  await put('telpher.yaml', shop(`{ tags: [${env}, ${region}] }`))
  const { code, stdout, stderr } = await cli.run(['deploy', '--input', 'tag=1,evil=2', '--no-wait', '-o', 'json'])
  expect(stderr).toContain('started')
  expect(code).toBe(0)
  const { request, targets } = started(stdout)
  expect([...targets].sort()).toEqual([one, two].sort())
  expect(request).toMatchObject({
    name: 'shop',
    steps: [
      { kind: 'apply', name: 'config', namespace: 'shop', deadlineSeconds: 120 },
      {
        kind: 'helm',
        name: 'web',
        chart: '.',
        release: 'shop-web',
        createNamespace: true,
        when: 'always',
        set: { 'image.tag': String.raw`v1\,evil=2`, list: String.raw`\{a\,b\}` },
      },
    ],
  })
  const [config, web] = await Promise.all(request.steps.map(async (step) => unpack(await served.packages.read(step.package))))
  expect([...(config?.keys() ?? [])].sort()).toEqual(['manifests/a.yaml', 'web.yaml'])
  const values = request.steps[1]?.kind === 'helm' ? request.steps[1].values : []
  expect(web?.get(values[0] ?? '')?.toString()).toBe('replicas: 2\n')
})

test('waits for the end, as for a path', async () => {
  const target = await addTarget()
  await put('deploy/telpher.yaml', `name: shop\ntargets: { names: [${target}] }\nsteps: [{ name: a, apply: ../manifests }]\n`)
  const running = cli.run(['deploy', '-f', 'deploy/telpher.yaml', '-o', 'json'])
  await playDeployment(served.store, await deploymentOn(served.store, target), { status: 'succeeded', sentence: '1 object is current' })
  expect(await running).toMatchObject({ code: 0 })
})

test('the command line says where to when it names a target', async () => {
  const [ours, theirs] = [await addTarget(), await addTarget()]
  await put('telpher.yaml', shop(`{ names: [${theirs}] }`))
  const { stdout } = await cli.run(['deploy', '--target', ours, '--input', 'tag=1', '--no-wait', '-o', 'json'])
  expect(started(stdout).targets).toEqual([ours])
})

test.each<[string, string[], string, number]>([
  ['{ names: [x] }', [], 'the process needs --input tag=…', 2],
  ['{ names: [x] }', ['--input', 'tga=1'], 'did you mean tag?', 2],
  ['{ names: [nobody-has-this] }', ['--input', 'tag=1'], 'there is no target nobody-has-this', 5],
  ['{ tags: [nobody=has, this] }', ['--input', 'tag=1'], 'there is no target with nobody=has and this', 5],
  ['{ names: [x] }', ['--input', 'tag=1', '--namespace', 'y'], '--namespace is for a path', 2],
  ['{ names: [x] }', ['web.yaml', '--target', 'x', '--input', 'tag=1'], '--input is for process files', 2],
  ['{ names: [x] }', ['web.yaml', '--target', 'x', '-f', 'telpher.yaml'], 'name a path or a process file', 2],
  ['{ name: [x] }', ['--input', 'tag=1'], '4:12: there is no name here', 2],
])('targets %s with %j are refused', async (targets, args, message, code) => {
  await put('telpher.yaml', shop(targets))
  const ran = await cli.run(['deploy', ...args])
  expect(ran.stderr).toContain(message)
  expect(ran.code).toBe(code)
})

test('problems of its files are shown before anything is sent', async () => {
  await put('manifests/b.yaml', 'kind: [')
  await put('telpher.yaml', shop('{ names: [x] }'))
  const { code, stdout, stderr } = await cli.run(['deploy', '--input', 'tag=1', '-o', 'json'])
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain('telpher.yaml:7:5: manifests/b.yaml:1: not YAML')
  expect(stderr).toContain('TEL-1009 invalid_process')
})

test('without a path and a process file there is nothing to deploy; without targets nowhere to', async () => {
  expect(await cli.run(['deploy'])).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no telpher.yaml in this folder') })
  await put('telpher.yaml', 'name: a\nsteps: [{ name: a, apply: manifests }]\n')
  expect(await cli.run(['deploy'])).toMatchObject({ code: 2, stderr: expect.stringContaining('name a target with --target') })
})

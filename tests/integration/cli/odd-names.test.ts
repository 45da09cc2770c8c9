import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Step } from '../../../src/model/step.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { unpack } from '../../../src/steps/package/unpack.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'
import { adminOf, openGate, trustOf } from '../gate/harness.ts'
import { freshName, newTarget, type ServedApi, serveApi } from '../server/api.ts'
import { type Finished, run } from '../steps/planned.ts'
import { createTestCli, type TestCli } from './cli.ts'

let served: ServedApi
let cli: TestCli
let cluster: Cluster
let namespace: string
let target: string
beforeAll(async () => {
  served = await serveApi()
  cli = await createTestCli(served)
  cluster = await sharedCluster('none')
  namespace = await freshNamespace(cluster)
  target = freshName('target')
  await served.call('POST', '/v1/targets', newTarget(target))
})
afterAll(async () => {
  await cluster.api('DELETE', `/api/v1/namespaces/${namespace}`)
  await served.close()
})

/** Names that a careless program takes for flags, patterns, several words or the end of a line. */
const names = [
  ['--all', '.yaml'],
  ['-f', '.json'],
  ['--kubeconfig=', 'x.yaml'],
  ['two words', '.yaml'],
  ['two\nlines', '.yaml'],
  ['$(touch x)`id`;&|', '.yml'],
  ['*?[a]{b,c}', '.yaml'],
  ['é 日本', '.yaml'],
  ['\'"', '.yaml'],
  ['-dir-/--prune', '.yaml'],
].map((parts) => parts.join(''))

const configMap = (name: string): string => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: 'b' } })

const folderWith = async (folder: string, files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(cli.dir, folder, path)), { recursive: true })
    await writeFile(join(cli.dir, folder, path), text)
  }
}

/** Deploys with the command line, and runs what a worker would make of the stored package. */
const deploy = async (...args: readonly string[]): Promise<Finished> => {
  const ran = await cli.run(['deploy', ...args, '--target', target, '--namespace', namespace, '--no-wait', '-o', 'json'])
  expect(ran, ran.stderr).toMatchObject({ code: 0 })
  const [step] = (JSON.parse(ran.stdout) as { deployment: { request: { steps: Step[] } } }).deployment.request.steps
  if (step === undefined) throw new Error('there is no step')
  const gate = await openGate(trustOf(cluster), adminOf(cluster), { strictFields: true })
  onTestFinished(() => gate.stop())
  return run(gate, step, namespace, await unpack(await served.packages.read(step.package)))
}

const namesOf = async (prefix: string): Promise<string[]> => {
  const { body } = await cluster.api('GET', `/api/v1/namespaces/${namespace}/configmaps`)
  const { items } = JSON.parse(body) as { items: { metadata: { name: string } }[] }
  return items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith(prefix))
}

test('every file of a folder is applied, whatever it is called', async () => {
  await folderWith('-odd folder', Object.fromEntries(names.map((name, at) => [name, configMap(`odd-${at}`)])))
  expect(await deploy('./-odd folder', '--name', 'odd')).toMatchObject({ code: 0, stderr: '' })
  expect((await namesOf('odd-')).length).toBe(names.length)
})

test('a chart and its values files have any names', async () => {
  const taken = names.filter((name) => !name.includes('\n'))
  const files = Object.fromEntries(taken.map((name, at) => [`templates/${name}`, configMap(`chart-${at}-{{ .Values.word }}`)]))
  await folderWith('--chart', { ...files, 'Chart.yaml': 'apiVersion: v2\nname: odd\nversion: 1.0.0\n' })
  await writeFile(join(cli.dir, '--set=word=wrong,a.yaml'), 'word: right\n')
  expect(await deploy('./--chart', '--helm', 'odd', '--values=--set=word=wrong,a.yaml')).toMatchObject({ code: 0, stderr: '' })
  expect((await namesOf('chart-')).every((name) => name.endsWith('-right'))).toBe(true)
  expect((await namesOf('chart-')).length).toBe(taken.length)
  await folderWith('--chart', { 'templates/a\nb.yaml': configMap('line-break') })
  expect(await cli.run(['deploy', './--chart', '--helm', 'odd', '--target', target])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('line break'),
  })
})

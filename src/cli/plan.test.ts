import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { nameFrom } from '../client/pack.ts'
import { stepSchema } from '../model/step.ts'
import { nameSchema } from '../model/target.ts'
import { unpack } from '../steps/package/unpack.ts'
import { planStep } from './plan.ts'

let dir: string
const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`
const at = (path: string): string => join(dir, path)
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'telpher-plan-'))
  for (const folder of ['web', 'chart/templates', 'empty', 'notes']) await mkdir(at(folder), { recursive: true })
  await writeFile(at('web/Web.yaml'), configMap('web'))
  await writeFile(at('chart/Chart.yaml'), 'name: c\nversion: 1.0.0')
  await writeFile(at('chart/templates/a.yaml'), configMap('a'))
  await writeFile(at('list.yaml'), '- replicas')
  await writeFile(at('elsewhere.yaml'), `${configMap('a')}---\n${configMap('b')}  namespace: other\n`)
  await writeFile(at('prod.yaml'), 'replicas: 2')
  await writeFile(at('notes/README.md'), 'hello')
  await writeFile(at('packed.tgz'), 'x')
})
afterAll(() => rm(dir, { recursive: true, force: true }))

test('a folder of manifests is an apply step, named for it', async () => {
  const { step, sha256 } = await planStep('web', { namespace: 'shop', deadline: '2m' }, dir)
  expect(step).toEqual({ kind: 'apply', name: 'web', package: sha256, namespace: 'shop', deadlineSeconds: 120 })
  expect(stepSchema.safeParse(step).error).toBeUndefined()
})

test('a chart is a helm step, with its values files in the package', async () => {
  const { step, bytes } = await planStep(
    'chart',
    {
      helm: 'shop.web',
      values: ['prod.yaml'],
      set: ['a=1', 'b=x=y', 'a=2'],
      createNamespace: true,
      takeOver: true,
      name: 'web',
    },
    dir,
  )
  expect(step).toMatchObject({
    kind: 'helm',
    name: 'web',
    release: 'shop.web',
    chart: '.',
    set: { a: '2', b: 'x=y' },
    createNamespace: true,
    takeOver: true,
  })
  expect(stepSchema.safeParse(step).error).toBeUndefined()
  const files = await unpack(bytes)
  const [values = ''] = step.kind === 'helm' ? (step.values ?? []) : []
  expect(files.get(values)?.toString()).toBe('replicas: 2')
})

test('a glob from elsewhere gives names below the folder that its files share', async () => {
  const { bytes } = await planStep(`${dir}/{web,chart/templates}/*.yaml`, {}, '/')
  expect([...(await unpack(bytes)).keys()]).toEqual(['chart/templates/a.yaml', 'web/Web.yaml'])
})

test('objects may name the namespace that is asked for', async () => {
  expect((await planStep('elsewhere.yaml', { namespace: 'other' }, dir)).step).toMatchObject({ namespace: 'other' })
})

test('an archive is a chart', async () => {
  expect((await planStep('packed.tgz', { helm: 'web' }, dir)).step).toMatchObject({ kind: 'helm', chart: 'packed.tgz', name: 'web' })
})

test('the major version of helm is a number in the step', async () => {
  const { step } = await planStep('chart', { helm: 'web', helmVersion: '3' }, dir)
  expect(stepSchema.parse(step)).toMatchObject({ kind: 'helm', helmVersion: 3 })
  expect((await planStep('chart', { helm: 'web' }, dir)).step).not.toHaveProperty('helmVersion')
})

test.each([
  ['chart', {}, 'usage', '--helm RELEASE'],
  ['web', { helm: 'web' }, 'usage', 'no Chart.yaml'],
  ['web', { set: ['a=1'] }, 'usage', '--set is for Helm charts'],
  ['web', { createNamespace: true }, 'usage', '--create-namespace is for Helm charts'],
  ['web', { takeOver: true }, 'usage', '--take-over is for Helm charts'],
  ['web', { helmVersion: '3' }, 'usage', '--helm-version is for Helm charts'],
  ['chart', { helm: 'web', set: ['a'] }, 'usage', 'NAME=VALUE'],
  ['chart', { helm: 'web', values: ['/nowhere.yaml'] }, 'usage', 'no such file'],
  ['chart', { helm: 'web', values: ['list.yaml'] }, 'chart_invalid', 'list.yaml:1: values are a map'],
  ['elsewhere.yaml', { namespace: 'shop' }, 'invalid_manifest', 'elsewhere.yaml:6: document 2: ConfigMap b is for namespace other'],
  ['web', { deadline: 'soon' }, 'usage', '--deadline'],
  ['nowhere', {}, 'empty_package', 'nothing at'],
  ['empty', {}, 'empty_package', 'no'],
  ['notes', {}, 'empty_package', 'no Kubernetes object'],
] as const)('%s with %o is refused', async (path, flags, code, said) => {
  await expect(planStep(path, flags, dir)).rejects.toMatchObject({ code, message: expect.stringContaining(said) })
})

test.each(['./Web App_2/', 'café.yaml', '---', 'x'.repeat(80), `${'x'.repeat(62)}-y`, 'app.v1.tgz'])(
  '"%s" gives a name that can be one',
  (path) => {
    expect(nameSchema.safeParse(nameFrom(path)).error).toBeUndefined()
  },
)

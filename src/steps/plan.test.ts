import { expect, test } from 'vitest'
import { type Step, type StepInput, stepSchema } from '../model/step.ts'
import type { Target } from '../model/target.ts'
import { planStep as planOf } from './plan.ts'

const target = { namespace: 'shop' } as Target
const origin = { deploymentId: 'd-1', jobId: 'j-1', attempt: 2 }
const planStep = (given: Omit<Parameters<typeof planOf>[0], 'origin'>) => planOf({ ...given, origin })
const step = (input: Omit<StepInput, 'name' | 'package'> & { kind: 'apply' | 'helm'; release?: string }): Step =>
  stepSchema.parse({ name: 'web', package: 'a'.repeat(64), ...input })

const packageOf = (files: Record<string, string>) => new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]))

const object = (kind: string, name: string, apiVersion = 'v1'): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: ${name}\n`

const own = ['--kubeconfig=kubeconfig', '--server-side', '--field-manager=telpher', '--validate=false', '--recursive']

test('apply is one kubectl, server-side, with our field manager and nothing inherited', () => {
  const files = packageOf({ 'sub/b.yaml': object('Deployment', 'b', 'apps/v1'), 'c.YML': object('ConfigMap', 'c') })
  const plan = planStep({ step: step({ kind: 'apply' }), target, files })
  expect(plan.argv).toEqual(['kubectl', 'apply', ...own, '--filename=manifests'])
  expect(plan.env).toEqual({ PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/work', TMPDIR: '/work', KUBECONFIG: '/work/kubeconfig' })
  expect(plan.files).toEqual([
    { path: 'manifests/00000/c.YML.yaml', mode: 0o600, content: object('ConfigMap', 'c') },
    { path: 'manifests/00001/sub/b.yaml', mode: 0o600, content: object('Deployment', 'b', 'apps/v1') },
  ])
  expect(plan).toMatchObject({ namespace: 'shop', judgeWhileRunning: false })
})

const definition = object('CustomResourceDefinition', 'widgets.example.test', 'apiextensions.k8s.io/v1')

test('a CRD is established before the objects of its kind are applied', () => {
  const files = packageOf({ 'all.yaml': `${object('Widget', 'w', 'example.test/v1')}---\n${definition}---\n${object('Namespace', 'n')}` })
  const plan = planStep({ step: step({ kind: 'apply' }), target, files })
  expect(plan.argv.slice(0, 2)).toEqual(['/bin/sh', '-ec'])
  expect(String(plan.argv[2]).split('\n')).toEqual([
    `kubectl apply ${own.join(' ')} --filename=manifests/namespaces --filename=manifests/definitions`,
    'kubectl wait --kubeconfig=kubeconfig --for=condition=Established --timeout=60s --recursive --filename=manifests/definitions',
    `kubectl apply ${own.join(' ')} --filename=manifests/rest`,
  ])
  expect(plan.files.map(({ path }) => path)).toEqual([
    'manifests/namespaces/00000/all.yaml',
    'manifests/definitions/00000/all.yaml',
    'manifests/rest/00000/all.yaml',
  ])
})

test('CRDs alone are applied and waited for, no longer than the step may last', () => {
  const plan = planStep({ step: { ...step({ kind: 'apply' }), deadlineSeconds: 20 }, target, files: packageOf({ 'a.yaml': definition }) })
  expect(String(plan.argv[2]).split('\n')).toHaveLength(2)
  expect(plan.argv[2]).toContain('--timeout=20s')
})

test('nothing of the user gets into a shell line', () => {
  const files = packageOf({ 'a; rm -rf $(x) `y`\n".yaml': definition, "b'.yaml": object('ConfigMap', 'b') })
  const plan = planStep({ step: step({ kind: 'apply' }), target, files })
  expect(plan.argv[2]).toMatch(/^[a-z0-9 =/.,\-A-Z\n]+$/)
})

const chart = { 'Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n', 'templates/web.yaml': 'kind: Deployment\n' }

test('helm upgrades or installs, waits for hooks only, and keeps its files below the working directory', () => {
  const plan = planStep({
    step: step({ kind: 'helm', release: 'web', values: ['v.yaml'], set: { 'a.b': '1' }, createNamespace: true } as never),
    target,
    files: packageOf({ ...chart, 'v.yaml': 'x: 1\n' }),
  })
  expect(plan.argv).toEqual([
    ...[
      'helm',
      'upgrade',
      'web',
      './chart',
      '--install',
      '--namespace=shop',
      '--history-max=10',
      '--timeout=600s',
      '--labels=telpher-deployment=d-1,telpher-job=j-1,telpher-attempt=2',
      '--wait=hookOnly',
      '--color=never',
    ],
    ...['--create-namespace', '--values=values-0.yaml', '--set=a.b=1'],
  ])
  expect(Object.values(plan.env).filter((value) => value.includes('/') && !value.startsWith('/work') && !value.startsWith('/usr'))).toEqual(
    [],
  )
  expect(plan.files.map(({ path }) => path)).toEqual(['values-0.yaml', 'chart/Chart.yaml', 'chart/templates/web.yaml', 'chart/v.yaml'])
})

test('with post hooks helm waits itself while the worker judges beside it', () => {
  const hook = { 'templates/hook.yaml': 'metadata:\n  annotations:\n    "helm.sh/hook": post-install,post-upgrade\n' }
  const plan = planStep({ step: step({ kind: 'helm', release: 'web' }), target, files: packageOf({ ...chart, ...hook }) })
  expect(plan.argv).toContain('--wait=watcher')
  expect(plan.judgeWhileRunning).toBe(true)
})

test('helm 3 gets only what it knows: no kinds of waiting, no colours', () => {
  const hook = { 'templates/hook.yaml': 'metadata:\n  annotations:\n    "helm.sh/hook": post-install\n' }
  const three = step({ kind: 'helm', release: 'web', helmVersion: 3 } as never)
  const plain = planStep({ step: three, target, files: packageOf(chart) })
  expect(plain.argv.filter((argument) => /^--(?:wait|color)/.test(argument))).toEqual([])
  const hooked = planStep({ step: three, target, files: packageOf({ ...chart, ...hook }) })
  expect(hooked.argv.filter((argument) => /^--(?:wait|color)/.test(argument))).toEqual(['--wait'])
  expect(hooked.judgeWhileRunning).toBe(true)
})

test('a packed chart and a chart in a folder of the package are found', () => {
  const packed = planStep({
    step: step({ kind: 'helm', release: 'web', chart: 'web-1.0.0.tgz' } as never),
    target,
    files: packageOf({ 'web-1.0.0.tgz': 'bytes' }),
  })
  expect(packed.argv[3]).toBe('./chart.tgz')
  const nested = planStep({
    step: step({ kind: 'helm', release: 'web', chart: './charts/web/' } as never),
    target,
    files: packageOf(Object.fromEntries(Object.entries(chart).map(([path, text]) => [`charts/web/${path}`, text]))),
  })
  expect(nested.files.map(({ path }) => path)).toEqual(['chart/Chart.yaml', 'chart/templates/web.yaml'])
})

test.each([
  ['no Chart.yaml', { 'a.yaml': '' }, {}, 'no Chart.yaml'],
  ['a Chart.yaml that is not YAML', { 'Chart.yaml': '{' }, {}, 'not YAML'],
  ['a Chart.yaml without a version', { 'Chart.yaml': 'name: a\n' }, {}, 'needs name and version'],
  ['a missing values file', chart, { values: ['nope.yaml'] }, 'nope.yaml'],
])('%s is said', (_, files, more, message) => {
  expect(() =>
    planStep({ step: step({ kind: 'helm', release: 'web', ...more } as never), target, files: packageOf(files as Record<string, string>) }),
  ).toThrow(message)
})

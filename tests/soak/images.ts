import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readToken } from '../../src/client/endpoint.ts'
import { createClient } from '../../src/client/http.ts'
import type { Job } from '../../src/model/deployment.ts'
import { coveredMinors, type ExecImage, execImages, imageTag } from '../../src/model/image.ts'
import { prepare } from '../../src/sandbox/setup.ts'
import { type Stack, startStack } from '../../src/sandbox/stack.ts'
import { runCli } from '../support/cli.ts'
import { type VersionProxy, versionProxy } from '../support/versionproxy.ts'

const processOf = (major: string): string => `name: tools
steps:
  - name: maps
    apply: maps
  - name: chart
    helm:
      chart: chart
      version: ${major}
      set: { text: "\${inputs.text}", workload: "\${inputs.workload}" }
    deadline: 15s
inputs:
  text: { type: string }
  workload: { type: boolean, default: false }
`

const files = (major: string): Readonly<Record<string, string>> => ({
  'telpher.yaml': processOf(major),
  'maps/map.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map\n',
  'chart/Chart.yaml': 'apiVersion: v2\nname: tools\nversion: 1.0.0\n',
  'chart/values.yaml': 'text: none\nworkload: false\n',
  'chart/templates/workload.yaml': `{{ if .Values.workload }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: never
spec:
  selector: { matchLabels: { app: never } }
  template:
    metadata: { labels: { app: never } }
    spec: { containers: [{ name: main, image: example.test/web:1 }] }
{{ end }}
`,
  'chart/templates/map.yaml':
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-chart\ndata:\n  text: {{ required "text is needed" .Values.text }}\n',
  // A hook that the end waits for: its objects make the plan take helm's own wait, which differs between the majors.
  'chart/templates/hook.yaml':
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-hook\n  annotations:\n    "helm.sh/hook": post-install,post-upgrade\n',
})

const must = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what)
}

/** Deploys with one image: a release is installed, upgraded, and fails for a value that it lacks. */
const tryImage = async (image: ExecImage, stack: Stack, proxy: VersionProxy, dir: string): Promise<void> => {
  const { from, to } = coveredMinors(image)
  const server = `v1.${image.kubectl.startsWith('1.34') ? from : to}.0-soak.1`
  proxy.says(server)
  const folder = join(dir, image.name)
  for (const [path, text] of Object.entries(files(image.helm[0] ?? ''))) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  const name = image.name.replace('.', '-')
  const client = createClient(stack.server.url, await readToken(stack.server.tokenFile))
  const added = await runCli(stack, [
    'target',
    'add',
    name,
    '--from-kubeconfig',
    'local',
    '--file',
    `${dir}/kubeconfig`,
    '--namespace',
    name,
  ])
  must(added.code === 0, added.stderr)
  const deploy = async (text: string, ...more: string[]): Promise<readonly Job[]> => {
    const ran = await runCli(stack, [
      'deploy',
      '-f',
      `${folder}/telpher.yaml`,
      '--target',
      name,
      '--input',
      `text=${text}`,
      ...more,
      '-o',
      'json',
    ])
    const id = /dep_[0-9A-HJKMNP-TV-Z]{26}/.exec(ran.stdout)?.[0] ?? ''
    must(id !== '', ran.stderr)
    return (await client.deployment(id)).jobs
  }
  for (const text of ['one', 'two']) {
    const jobs = await deploy(text)
    const ends = jobs.map(({ status, end }) => `${status}: ${end?.sentence}`).join('; ')
    must(
      jobs.every(({ status }) => status === 'succeeded'),
      `${image.name}, ${text}: ${ends}`,
    )
    const chart = jobs.find(({ step }) => step.kind === 'helm')?.tools
    must(
      chart?.image === imageTag(image) && chart.kubectl === image.kubectl && chart.helm === image.helm && chart.server === server,
      `${image.name} ran with ${JSON.stringify(chart)}`,
    )
    const map = await stack.cluster.api('GET', `/api/v1/namespaces/${name}/configmaps/chart-chart`)
    must((JSON.parse(map.body) as { data?: { text?: string } }).data?.text === text, `${image.name}: ${map.body}`)
  }
  const failed = (await deploy('')).find(({ step }) => step.kind === 'helm')
  must(failed?.end?.code === 'chart_invalid', `${image.name}: a chart that cannot be rendered ended as ${JSON.stringify(failed?.end)}`)
  // There is no node: what the chart brings never runs, and its revision must not look good afterwards, whoever ended the waiting.
  const late = (await deploy('three', '--input', 'workload=true')).find(({ step }) => step.kind === 'helm')
  must(late?.end?.code === 'deadline_passed', `${image.name}: a chart that never runs ended as ${JSON.stringify(late?.end)}`)
  const revisions = await stack.cluster.api('GET', `/api/v1/namespaces/${name}/secrets?labelSelector=owner=helm`)
  const states = (JSON.parse(revisions.body) as { items: { metadata: { labels: Record<string, string> } }[] }).items
    .map(({ metadata: { labels } }) => `${labels['version']} ${labels['status']}`)
    .toSorted()
  must(states.join() === '1 superseded,2 deployed,3 failed', `${image.name}: the revisions are ${states.join(', ')}`)
  must(
    (await deploy('four')).every(({ status }) => status === 'succeeded'),
    `${image.name}: no deployment after the failed one`,
  )
  process.stdout.write(`  ${image.name}: kubectl ${image.kubectl}, helm ${image.helm}, for a server that says ${server}\n`)
}

/**
 * Builds every execution image (minutes, where the cache has none) and deploys with each of them, against the sandbox's cluster that
 * says the version it is made for.
 * @throws Error that says what was otherwise than it must be
 */
export const soakImages = async (): Promise<void> => {
  await prepare({ node: 'none', yes: true })
  const dir = await mkdtemp(join(tmpdir(), 'telpher-soak-'))
  const stack = await startStack({ dir, node: 'none', workers: 1 })
  const proxy = await versionProxy(stack.cluster, 'v1.34.0')
  try {
    await writeFile(`${dir}/kubeconfig`, proxy.kubeconfig)
    const built = await runCli(stack, ['image', 'build', '--all', '--docker-socket', stack.docker.socketPath], { timeoutMs: 1_800_000 })
    must(built.code === 0, built.stderr)
    for (const image of execImages) {
      await stack.cluster.api('POST', '/api/v1/namespaces', { metadata: { name: image.name.replace('.', '-') } })
      await tryImage(image, stack, proxy, dir)
    }
  } finally {
    proxy.stop()
    await stack.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

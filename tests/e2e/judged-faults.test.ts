import { describe, expect, test } from 'vitest'
import type { Detail } from '../../src/cli/client.ts'
import { useE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { detailOf, expectFault } from '../support/faults.ts'

const ask = useE2e({ env: { TELPHER_CONCURRENCY: '8' } })

interface Container {
  readonly image?: string
  /** A line of shell; the image's own command when absent. */
  readonly script?: string
  readonly readinessProbe?: object
}

const podOf = ({ image = 'example.test/busybox:1', script, readinessProbe }: Container): object => ({
  terminationGracePeriodSeconds: 1,
  containers: [
    {
      name: 'main',
      image,
      imagePullPolicy: 'IfNotPresent',
      ...(script === undefined ? {} : { command: ['/bin/sh', '-c', script] }),
      ...(readinessProbe === undefined ? {} : { readinessProbe }),
    },
  ],
})

/** JSON is YAML. */
const deploymentOf = (name: string, container: Container): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: podOf(container) },
    },
  })

const failureOf = (detail: Detail | undefined) => detail?.jobs[0]?.failure

/** A step of a name of its own, so that no two wait for the same inventory. */
const deployOne = async (name: string, container: Container, target: string, ...more: string[]) => {
  const { folder, deploy } = ask()
  return deploy(await folder({ 'app.yaml': deploymentOf(name, container) }), target, '--name', name, ...more)
}

describe.concurrent('what the cluster takes and cannot run', () => {
  test('an image that does not exist', async () => {
    const { target } = await ask().place()
    const detail = expectFault('image-not-found', await deployOne('absent', { image: 'example.test/absent:1' }, target))
    expect(failureOf(detail)?.class).toBe('image_pull')
    const sentence = detail?.jobs[0]?.end?.sentence ?? ''
    expect(sentence).toContain('example.test/absent:1')
    expect(sentence).not.toContain('\n')
    expect(sentence.length).toBeLessThanOrEqual(300)
  })

  test('a crash loop, with the last lines of the container', async () => {
    const { target } = await ask().place()
    const script = 'echo reading settings; echo no database at db.example >&2; exit 3'
    const detail = expectFault('crash-loop', await deployOne('crashing', { script }, target))
    expect(failureOf(detail)).toMatchObject({ class: 'crash_loop', lastLines: ['reading settings', 'no database at db.example'] })
    expect(failureOf(detail)?.sentence).toContain('exit code was 3')
    expect(
      failureOf(detail)
        ?.chain.map(({ kind }) => kind)
        .slice(0, 4),
    ).toEqual(['Deployment', 'ReplicaSet', 'Pod', 'Container'])
  })

  test('a Job that fails', async () => {
    const { place, folder, deploy } = ask()
    const { target } = await place()
    const spec = { ...podOf({ script: 'echo cannot migrate; exit 1' }), restartPolicy: 'Never' }
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'migrate' }, spec: { backoffLimit: 0, template: { spec } } }
    const detail = expectFault('failing-job', await deploy(await folder({ 'job.yaml': JSON.stringify(job) }), target))
    expect(failureOf(detail)).toMatchObject({ class: 'job_failed', lastLines: ['cannot migrate'] })
  })

  test('pods that are not ready when the deadline passes', async () => {
    const { target } = await ask().place()
    const never = { exec: { command: ['/bin/false'] }, periodSeconds: 1 }
    const container = { image: 'example.test/web:1', readinessProbe: never }
    const detail = expectFault('deadline', await deployOne('unready', container, target, '--deadline', '15s'))
    expect(detail?.jobs[0]?.end?.sentence).toContain('Deployment unready')
  })

  test('pods beyond the quota', async () => {
    const { namespace, target } = await ask().place()
    await ask().cluster.kubectl('create', 'quota', 'few', '--hard=pods=0', '--namespace', namespace)
    expectFault('quota', await deployOne('refused', { script: 'sleep 60' }, target, '--deadline', '90s'))
  })

  test('two deployments of one release: the second says whom it waits for', async () => {
    const { place, folder, cli, deploy } = ask()
    const { target } = await place()
    const files = { 'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n' }
    const path = await folder({ ...files, 'templates/app.yaml': deploymentOf('app', { image: 'example.test/web:1' }) })
    const first = detailOf(await deploy(path, target, '--helm', 'app', '--no-wait')).deployment.id
    const second = detailOf(await deploy(path, target, '--helm', 'app', '--no-wait')).deployment.id
    const status = async (id: string) => {
      const ran = await cli('status', id, '-o', 'json')
      return { ...ran, detail: detailOf(ran) }
    }
    const reason = await eventually(async () => (await status(second)).detail.jobs[0]?.waitsFor, 30_000, 200)
    expect(reason).toContain(first)
    expect(reason).toContain('Helm release app')
    for (const id of [first, second]) {
      const ran = await eventually(
        async () => {
          const now = await status(id)
          return now.detail.deployment.state === 'finished' && now
        },
        120_000,
        500,
      )
      expectFault('same-release', ran)
    }
  })
})

/** Ends after 1 to 3 s with every code that containers end with, by itself or by a signal. */
const crashes = ['exit 0', 'exit 1', 'exit 2', 'exit 127', 'exit 255', 'kill -9 $$', 'kill -15 $$; exit 143'].flatMap((end) =>
  [1, 2, 3].map((seconds) => ({ seconds, end })),
)

describe.concurrent('a container without a probe that ends soon is never green', () => {
  test.for(crashes.slice(0, 20).map((crash, index) => ({ ...crash, index })))(
    'after $seconds s by: $end',
    async ({ seconds, end, index }, context) => {
      const { target } = await ask().place()
      const ran = await deployOne(`crash-${index}`, { script: `sleep ${seconds}; ${end}` }, target)
      context.expect(ran.code, ran.stderr).toBe(10)
      context
        .expect(detailOf(ran).jobs[0])
        .toMatchObject({ end: { status: 'failed', code: 'verify_failed' }, failure: { class: 'crash_loop' } })
    },
  )
})

import { describe, expect, test } from 'vitest'
import type { Detail } from '../../src/client/http.ts'
import type { Failure } from '../../src/model/verdict.ts'
import type { CliResult } from '../support/cli.ts'
import { useE2e } from '../support/e2e-stack.ts'
import { detailOf, expectFault } from '../support/faults.ts'
import { type Container, deploymentOf, podOf } from '../support/workloads.ts'

const ask = useE2e({ env: { TELPHER_CONCURRENCY: '8' } })

const failureOf = (detail: Detail | undefined): Failure | undefined => detail?.jobs[0]?.failure

/** A step of a name of its own, so that no two wait for the same inventory. */
const deployOne = async (name: string, pod: object, target: string, ...more: string[]): Promise<CliResult> => {
  const { folder, deploy } = ask()
  return deploy(await folder({ 'app.yaml': deploymentOf(name, pod) }), target, '--name', name, ...more)
}

describe.concurrent('what the cluster takes and cannot run', () => {
  test('an image that does not exist', async () => {
    const { target } = await ask().place()
    const detail = expectFault('image-not-found', await deployOne('absent', podOf([{ image: 'example.test/absent:1' }]), target))
    expect(failureOf(detail)?.class).toBe('image_pull')
    const sentence = detail?.jobs[0]?.end?.sentence ?? ''
    expect(sentence).toContain('example.test/absent:1')
    expect(sentence).not.toContain('\n')
    expect(sentence.length).toBeLessThanOrEqual(300)
  })

  test('a crash loop, with the last lines of the container', async () => {
    const { target } = await ask().place()
    const script = 'echo reading settings; echo no database at db.example; exit 3'
    const detail = expectFault('crash-loop', await deployOne('crashing', podOf([{ script }]), target))
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
    const spec = { ...podOf([{ script: 'echo cannot migrate; exit 1' }]), restartPolicy: 'Never' }
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'migrate' }, spec: { backoffLimit: 0, template: { spec } } }
    const detail = expectFault('failing-job', await deploy(await folder({ 'job.yaml': JSON.stringify(job) }), target))
    expect(failureOf(detail)).toMatchObject({ class: 'job_failed', lastLines: ['cannot migrate'] })
  })

  test('pods that are not ready when the deadline passes', async () => {
    const { target } = await ask().place()
    const never = { exec: { command: ['/bin/false'] }, periodSeconds: 1 }
    const pod = podOf([{ image: 'example.test/web:1', readinessProbe: never }])
    const detail = expectFault('deadline', await deployOne('unready', pod, target, '--deadline', '15s'))
    expect(detail?.jobs[0]?.end?.sentence).toContain('Deployment unready')
  })

  test('pods beyond the quota', async () => {
    const { namespace, target } = await ask().place()
    await ask().cluster.kubectl('create', 'quota', 'few', '--hard=pods=0', '--namespace', namespace)
    expectFault('quota', await deployOne('refused', podOf([{ script: 'sleep 60' }]), target, '--deadline', '90s'))
  })

  test('two deployments of one release: the second says whom it waits for', async () => {
    const { place, folder, cli, deploy } = ask()
    const { target } = await place()
    const files = { 'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n' }
    const path = await folder({ ...files, 'templates/app.yaml': deploymentOf('app', podOf([{ image: 'example.test/web:1' }])) })
    const first = detailOf(await deploy(path, target, '--helm', 'app', '--no-wait')).deployment.id
    const second = await deploy(path, target, '--helm', 'app')
    expect(second.stderr).toMatch(new RegExp(`waits: deployment ${first} holds Helm release app in `))
    expectFault('same-release', second)
    expectFault('same-release', await cli('status', first, '-o', 'json'))
  })
})

interface Crash {
  readonly shape: 'alone' | 'beside one that stays' | 'in an init container'
  readonly seconds: number
  readonly code: number
}

const crashes: readonly Crash[] = [
  ...[0, 1, 127, 143].flatMap((code) => [1, 2, 3].map((seconds): Crash => ({ shape: 'alone', seconds, code }))),
  ...[0, 1].flatMap((code) => [1, 2, 3].map((seconds): Crash => ({ shape: 'beside one that stays', seconds, code }))),
  ...[1, 2].map((seconds): Crash => ({ shape: 'in an init container', seconds, code: 1 })),
]

const stays: Container = { name: 'stays', image: 'example.test/web:1' }

describe.concurrent('a container without a probe that ends soon is never green', () => {
  test.for(crashes.map((crash, index) => ({ ...crash, index })))('$shape, after $seconds s with $code', async (crash, { expect }) => {
    const { target } = await ask().place()
    const ends: Container = { name: 'ends', script: `sleep ${crash.seconds}; exit ${crash.code}` }
    const pod =
      crash.shape === 'alone' ? podOf([ends]) : crash.shape === 'in an init container' ? podOf([stays], [ends]) : podOf([stays, ends])
    const ran = await deployOne(`crash-${crash.index}`, pod, target)
    expect(ran.code, ran.stderr).toBe(10)
    expect(detailOf(ran).jobs[0]).toMatchObject({ end: { status: 'failed', code: 'verify_failed' }, failure: { class: 'crash_loop' } })
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { binaryPath } from '../../src/sandbox/setup/binaries.ts'
import { type E2e, startE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { expectFault } from '../support/faults.ts'
import { hookedChart, releaseStatuses } from '../support/hooked-chart.ts'
import { manyChart } from '../support/many-chart.ts'
import { sharedCluster } from '../support/sandbox.ts'

let e2e: E2e & { stop(): Promise<void> }
beforeAll(async () => {
  e2e = await startE2e({ cluster: await sharedCluster('none') })
})
afterAll(() => e2e?.stop())

interface Place {
  readonly namespace: string
  readonly target: string
}

const deploy = async ({ target }: Place, version: number, ...more: string[]) =>
  e2e.deploy(await e2e.folder(manyChart(version, 3)), target, '--helm', 'web', ...more)

const installed = async (): Promise<Place> => {
  const place = await e2e.place()
  const ran = await deploy(place, 1)
  expect(ran, ran.stderr).toMatchObject({ code: 0 })
  return place
}

/** Somebody's own helm, at work on a release of ours: its hook never ends, since there is no node. */
const helmOfSomebody = async ({ namespace }: Place, timeout: string) => {
  const args = ['upgrade', 'web', await e2e.folder(hookedChart(2)), `--namespace=${namespace}`, `--kubeconfig=${e2e.cluster.kubeconfig}`]
  const child = spawn(binaryPath('helm'), [...args, `--timeout=${timeout}`], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  await eventually(async () => (await releaseStatuses(e2e, namespace)).includes('pending-upgrade'))
  return { kill: () => child.kill('SIGKILL'), ended }
}

test('a release that somebody left pending is waited for, asked about, and taken over when that is said', async () => {
  const place = await installed()
  const helm = await helmOfSomebody(place, '10m')
  helm.kill()
  await helm.ended
  const asked = expectFault('helm-pending', await deploy(place, 3, '--deadline', '10s'))
  expect(asked?.jobs[0]?.end?.sentence).toMatch(
    /^revision 2 of the Helm release web is pending-upgrade since 2\d{3}-\S+Z, begun by another tool .* deploy with --take-over/,
  )
  // Helm takes our labels over from the revision before: nobody must take it for a dead attempt.
  const record = await e2e.cluster.api('GET', `/api/v1/namespaces/${place.namespace}/secrets/sh.helm.release.v1.web.v2`)
  expect(JSON.parse(record.body)).toMatchObject({ metadata: { labels: { 'telpher-attempt': '1' } } })
  expect(await releaseStatuses(e2e, place.namespace)).toEqual(['deployed', 'pending-upgrade'])
  expectFault('helm-pending-taken', await deploy(place, 3, '--take-over'))
  expect(await releaseStatuses(e2e, place.namespace)).toEqual(['deployed', 'failed', 'superseded'])
})

test('a release that somebody works on is waited for, and deployed to once he is done', async () => {
  const place = await installed()
  const helm = await helmOfSomebody(place, '4s')
  const waited = expectFault('helm-pending-waited', await deploy(place, 3))
  await helm.ended
  const log = await e2e.cli('logs', waited?.deployment.id ?? '')
  expect(log.stdout).toContain('begun by another tool than Telpher: it is waited for until')
  expect(await releaseStatuses(e2e, place.namespace)).toEqual(['deployed', 'failed', 'superseded'])
})

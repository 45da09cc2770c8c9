import { expect, test } from 'vitest'
import { readToken } from '../../src/client/endpoint.ts'
import type { Job } from '../../src/model/deployment.ts'
import type { LedgerEntry } from '../../src/model/ledger.ts'
import { type E2e, startE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { expectFault } from '../support/faults.ts'
import { begin, clientOf, configMaps, holderOf } from '../support/running.ts'
import { sharedCluster } from '../support/sandbox.ts'

const starts = 3

const ledgerOf = async ({ stack }: E2e, { deploymentId, jobId }: Job): Promise<LedgerEntry[]> => {
  const token = await readToken(stack.server.tokenFile)
  const answer = await fetch(`${stack.server.url}/v1/deployments/${deploymentId}/jobs/${jobId}/ledger`, {
    headers: { authorization: `Bearer ${token.reveal()}` },
  })
  return ((await answer.json()) as { entries: LedgerEntry[] }).entries
}

test('a job that kills its worker at each start is set aside with its evidence', async ({ onTestFinished }) => {
  const e2e = await startE2e({ cluster: await sharedCluster('none'), env: { TELPHER_MAX_STARTS: String(starts) } })
  onTestFinished(() => e2e.stop())
  const client = await clientOf(e2e)
  const { target } = await e2e.place()
  const running = await begin(e2e, await e2e.folder(configMaps(400)), target)
  const first = await running.reaches('running')
  const killed: string[] = []
  for (let attempt = 1; attempt <= starts; attempt++) {
    const job = await eventually(async () => {
      const [now] = (await client.deployment(first.deploymentId)).jobs
      const wrote = now?.attempt === attempt && (await ledgerOf(e2e, now)).some((entry) => entry.attempt === attempt)
      return wrote && now
    }, 120_000)
    const holder = await holderOf(e2e, job)
    holder.kill('SIGKILL')
    await holder.exited
    killed.push(job.worker ?? '')
    e2e.stack.addWorker(`heir-${attempt}`)
  }
  const detail = expectFault('poison', await running.ended)
  expect(detail?.jobs[0]).toMatchObject({ status: 'errored', attempt: starts })
  const losses = detail?.jobs[0]?.losses ?? []
  expect(losses.map(({ attempt, worker, name }) => ({ attempt, worker, name }))).toEqual(
    killed.map((worker, index) => ({ attempt: index + 1, worker, name: index === 0 ? 'local-1' : `heir-${index}` })),
  )
  for (const { at, heardAt = Number.POSITIVE_INFINITY, writes, wrote } of losses) {
    expect(heardAt).toBeLessThan(at)
    expect(writes).toBeGreaterThan(0)
    expect(wrote[0]).toMatch(/^patch configmaps\/map-\d+ in /)
  }
  const view = await e2e.cli('view', first.deploymentId)
  expect(view.stdout).toMatch(/\nLOST\n.*attempt 1 on local-1 \(wrk_\w+\): worker local-1 is no longer heard.*; last heard 2\d{3}-/)
  // It is nobody's turn any more: the same may be deployed again, and the workers are there for it.
  const again = await e2e.deploy(await e2e.folder(configMaps(3)), target)
  expect(again, again.stderr).toMatchObject({ code: 0 })
})

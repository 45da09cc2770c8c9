import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runOf } from '../../src/client/run.ts'
import { type E2e, startE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { detailOf } from '../support/faults.ts'
import { begin, clientOf, configMaps } from '../support/running.ts'
import { sharedCluster } from '../support/sandbox.ts'

/** Stands in for kubectl, which cannot be made to end well when it is told to stop. */
const polite = `#!/bin/sh
trap 'exit 0' TERM
echo begun
while :; do sleep 1 & wait; done
`

let e2e: E2e & { stop(): Promise<void> }
beforeAll(async () => {
  e2e = await startE2e({ workers: 0, cluster: await sharedCluster('none') })
  const folder = await e2e.folder({ kubectl: polite })
  await chmod(join(folder, 'kubectl'), 0o755)
  e2e.stack.addWorker('polite', { TELPHER_EXECUTOR: 'process', PATH: `${folder}:${process.env['PATH'] ?? ''}` })
  await eventually(async () => (await (await clientOf(e2e)).workers()).workers.length === 1, 60_000)
})
afterAll(() => e2e?.stop())

const cancel = {
  'the command line': async (id: string) => expect(await e2e.cli('cancel', id)).toMatchObject({ code: 0 }),
  'the API': async (id: string) => (await clientOf(e2e)).cancel(id),
  'the library': async (id: string) => runOf(await clientOf(e2e), id).cancel(),
} as const

test.each(Object.entries(cancel))('a job that %s cancels is cancelled, although its program exits with 0', async (_, ask) => {
  const { target } = await e2e.place({ trials: true })
  const running = await begin(e2e, await e2e.folder(configMaps(1)), target)
  const { deploymentId, jobId } = await running.reaches('running')
  const client = await clientOf(e2e)
  await eventually(async () => (await client.log(deploymentId, jobId)).some(({ text }) => text === 'begun'))
  await ask(deploymentId)
  const ended = await running.ended
  expect(ended.code).toBe(11)
  const { deployment, jobs } = detailOf(ended)
  expect(deployment.result).toBe('cancellation')
  expect(jobs[0]?.end).toMatchObject({ status: 'cancelled', sentence: 'cancelled while running; nothing had been written' })
})

import { expect, test } from 'vitest'
import { startE2e } from '../support/e2e-stack.ts'
import { detailOf } from '../support/faults.ts'
import { configMaps } from '../support/running.ts'
import { sharedCluster } from '../support/sandbox.ts'

const web = JSON.stringify({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
  },
})

test('each phase has a time of its own, and what is over it says which and what it waited for', async ({ onTestFinished }) => {
  // Nobody runs pods here: what is deployed never gets ready.
  const e2e = await startE2e({ cluster: await sharedCluster('none') })
  onTestFinished(() => e2e.stop())
  const { target } = await e2e.place()
  const folder = await e2e.folder({ 'web.yaml': web })
  const sentenceOf = async (path: string, ...flags: string[]): Promise<string> => {
    const ran = await e2e.deploy(path, target, ...flags)
    const { deployment, jobs } = detailOf(ran)
    expect({ code: ran.code, result: deployment.result, status: jobs[0]?.status, error: jobs[0]?.end?.code }).toEqual({
      code: 10,
      result: 'timeout',
      status: 'timed_out',
      error: 'deadline_passed',
    })
    return jobs[0]?.end?.sentence ?? ''
  }

  expect(await sentenceOf(folder, '--phase-deadline', 'verify=2s')).toMatch(
    /^the verify deadline of 2 s passed while verifying, waiting for Deployment web: /,
  )
  expect(await sentenceOf(await e2e.folder(configMaps(3000)), '--phase-deadline', 'run=2s')).toMatch(
    /^the run deadline of 2 s passed while running; (?:\d+ objects|nothing) had been written$/,
  )
  // What was written then is rolled forward by nobody: the next one is free to begin.
  const frozen = await e2e.cli('freeze', target, '--reason', 'stocktaking', '-o', 'json')
  expect(await sentenceOf(folder, '--phase-deadline', 'admission=2s')).toMatch(
    /^the admission deadline of 2 s passed before it began; it waited because .*stocktaking/,
  )
  const { id } = JSON.parse(frozen.stdout) as { id: string }
  expect(await e2e.cli('unfreeze', id)).toMatchObject({ code: 0 })

  for (const worker of e2e.stack.workers) {
    worker.kill('SIGTERM')
    await worker.exited
  }
  expect(await sentenceOf(folder, '--phase-deadline', 'queue=3s')).toBe(
    'the queue deadline of 3 s passed before it began; it waited because no worker in pool default is alive',
  )
  expect(await sentenceOf(folder, '--total-deadline', '5s')).toBe(
    'the deadline of the deployment, 5 s, passed before it began; it waited because no worker in pool default is alive',
  )
})

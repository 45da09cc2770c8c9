import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { eventually } from '../../support/eventually.ts'
import { ownCluster } from '../../support/sandbox.ts'
import { adminConnection, before, deployment, judge, startWriting, web } from './subject.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await ownCluster('kwok')
})
afterAll(() => cluster.stop())

const away = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

test.each([
  { how: 'stopped', seconds: 10 },
  { how: 'killed', seconds: 3 },
])('an API server that is $how for $seconds s is waited for', async ({ how, seconds }) => {
  const connection = adminConnection(cluster)
  const writing = startWriting(cluster)
  const last = Promise.withResolvers<void>()
  let seen = false
  await writing.create(web('default', `probed-${how}`))
  await writing.create(deployment('default', `unprobed-${how}`, { image: 'example.test/web:1' }))
  const judging = judge(connection, writing, {
    final: last.promise,
    onProgress: (objects) => {
      seen ||= objects.every(({ assessment }) => assessment.message.includes('1 of 1'))
    },
  })
  // kwok and the controllers come back to the API server of the outage before in their own time.
  await eventually(() => seen, 120_000)
  if (how === 'stopped') await cluster.apiserver.stop()
  else await cluster.apiserver.kill('SIGKILL')
  // What was known before the outage is no proof: the unprobed one has to be read anew.
  last.resolve()
  await away(seconds)
  await cluster.apiserver.start()
  const restarted = performance.now()
  const verdict = await judging
  expect(verdict.outcome).toBe('current')
  expect(performance.now() - restarted).toBeGreaterThan(0)
  connection.close()
})

test('while the API server is away at the deadline, that is what is said', async () => {
  const connection = adminConnection(cluster)
  const writing = startWriting(cluster)
  await writing.create(web('default', 'unread'))
  await cluster.apiserver.stop()
  const verdict = await judge(connection, writing, { deadlineAt: before(1500) })
  expect(verdict).toMatchObject({
    outcome: 'deadline',
    failure: { class: 'deadline', sentence: expect.stringMatching(/cannot be read: .* cannot be reached: .*ECONNREFUSED/) },
  })
  connection.close()
  await cluster.apiserver.start()
})

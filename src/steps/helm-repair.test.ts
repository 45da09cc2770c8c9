import { describe, expect, test } from 'vitest'
import { helmRecord, secretsOf } from '../../tests/support/helm-records.ts'
import type { Job } from '../model/deployment.ts'
import type { JobEnd } from '../model/states.ts'
import type { HelmStep } from '../model/step.ts'
import { recordFailure, releaseLabels, releasePending } from './helm-repair.ts'

const job = (attempt: number) =>
  ({ deploymentId: 'd', jobId: 'j', attempt, step: { kind: 'helm', release: 'web' } }) as unknown as Job & { readonly step: HelmStep }

const setUp = (attempt: number, status: string, labels: Record<string, string>, putStatus?: number) => {
  const { connection, written } = secretsOf([helmRecord(2, 'deployed'), helmRecord(3, status, labels)], putStatus)
  const said: string[] = []
  return { connection, written, said, job: job(attempt), namespace: 'shop', say: (text: string) => said.push(text) }
}

const ofAttempt = (attempt: number, jobId = 'j') => releaseLabels({ deploymentId: 'd', jobId, attempt })
const never = async () => false

describe('before an attempt', () => {
  test('a pending revision of a dead attempt of this job is recorded as failed', async () => {
    const repair = setUp(2, 'pending-upgrade', ofAttempt(1))
    await releasePending({ ...repair, hasEnded: never })
    expect(repair.written).toHaveLength(1)
    expect(repair.said[0]).toContain('left pending-upgrade by attempt 1: it is recorded as failed')
  })

  test('so is one of another job of ours that has ended', async () => {
    const repair = setUp(1, 'pending-install', ofAttempt(1, 'other'))
    await releasePending({ ...repair, hasEnded: async ({ jobId }) => jobId === 'other' })
    expect(repair.said[0]).toContain('by job other')
  })

  test.each([
    ['nobody of ours', {}, 'since 2026-01-02T03:04:05.000Z, not by Telpher'],
    ['a job that has not ended', ofAttempt(1, 'other'), 'by job other, which has not ended here'],
    ['this very attempt', ofAttempt(2), 'by job j'],
  ])('one of %s is left alone and said', async (_, labels, message) => {
    const repair = setUp(2, 'pending-upgrade', labels)
    await expect(releasePending({ ...repair, hasEnded: never })).rejects.toMatchObject({
      code: 'helm_pending',
      message: expect.stringContaining(message),
    })
    expect(repair.written).toEqual([])
  })

  test('a revision that is not pending is nobody’s concern', async () => {
    const repair = setUp(2, 'deployed', ofAttempt(1))
    await releasePending({ ...repair, hasEnded: never })
    expect(repair.written).toEqual([])
  })
})

describe('after an attempt that did not succeed', () => {
  const end: JobEnd = { status: 'failed', class: 'not_ready', sentence: 'the Deployment web did not become ready' } as JobEnd

  test.each(['pending-upgrade', 'deployed'])('its own revision that is %s is recorded as failed, with the reason', async (status) => {
    const repair = setUp(2, status, ofAttempt(2))
    await recordFailure(repair, end)
    expect(repair.written[0]?.metadata.labels).toMatchObject({ status: 'failed', 'telpher-job': 'j' })
    expect(repair.said).toEqual(['revision 3 of the Helm release web is recorded as failed'])
  })

  test.each([
    ['somebody else', {}],
    ['an earlier attempt', ofAttempt(1)],
    ['another job', ofAttempt(2, 'other')],
  ])('a revision of %s is left alone', async (_, labels) => {
    const repair = setUp(2, 'deployed', labels)
    await recordFailure(repair, end)
    expect(repair.written).toEqual([])
  })

  test('an API server that refuses is said and changes nothing of the end', async () => {
    const repair = setUp(2, 'deployed', ofAttempt(2), 403)
    await recordFailure(repair, end)
    expect(repair.said[0]).toContain('could not be recorded as failed')
  })

  test('a change by somebody else in between is left alone', async () => {
    const repair = setUp(2, 'deployed', ofAttempt(2), 409)
    await recordFailure(repair, end)
    expect(repair.said).toEqual([])
  })
})

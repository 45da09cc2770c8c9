import { describe, expect, test } from 'vitest'
import { helmRecord, secretsOf } from '../../tests/support/helm-records.ts'
import type { Job } from '../model/deployment.ts'
import type { JobEnd } from '../model/states.ts'
import type { HelmStep } from '../model/step.ts'
import { releaseLabels } from './helm-origin.ts'
import { type Repair, recordFailure, releasePending } from './helm-repair.ts'

const job = (attempt: number, more: Partial<HelmStep> = {}) =>
  ({
    deploymentId: 'd',
    jobId: 'j',
    attempt,
    step: { kind: 'helm', release: 'web', deadlineSeconds: 600, ...more },
  }) as unknown as Job & { readonly step: HelmStep }

const setUp = (attempt: number, status: string, labels: Record<string, string>, putStatus?: number) => {
  const { connection, written } = secretsOf([helmRecord(2, 'deployed'), helmRecord(3, status, labels)], putStatus)
  const said: string[] = []
  return { connection, written, said, job: job(attempt), namespace: 'shop', say: (text: string) => said.push(text) }
}

const ofAttempt = (attempt: number, jobId = 'j') => releaseLabels({ deploymentId: 'd', jobId, attempt })
const { signal } = new AbortController()
const nobody: Pick<Repair, 'lifeOf' | 'signal'> = { lifeOf: async () => 'unknown', signal }

describe('before an attempt', () => {
  test('a pending revision of a dead attempt of this job is recorded as failed', async () => {
    const repair = setUp(2, 'pending-upgrade', ofAttempt(1))
    await releasePending({ ...repair, ...nobody })
    expect(repair.written).toHaveLength(1)
    expect(repair.said[0]).toContain('left pending-upgrade by attempt 1: it is recorded as failed')
  })

  test('so is one of another job of ours that has ended', async () => {
    const repair = setUp(1, 'pending-install', ofAttempt(1, 'other'))
    await releasePending({ ...repair, signal, lifeOf: async ({ jobId }) => (jobId === 'other' ? 'ended' : 'unknown') })
    expect(repair.said[0]).toContain('by job other')
  })

  test('one of somebody else that is old is left alone and said', async () => {
    const repair = setUp(2, 'pending-upgrade', {})
    await expect(releasePending({ ...repair, ...nobody })).rejects.toMatchObject({
      code: 'helm_pending',
      message: expect.stringContaining('revision 3 of the Helm release web is pending-upgrade since 2026-01-02T03:04:05.000Z'),
    })
    expect(repair.written).toEqual([])
  })

  test('one of somebody else is taken over when that is said', async () => {
    const repair = { ...setUp(2, 'pending-rollback', {}), job: job(2, { takeOver: true }) }
    await releasePending({ ...repair, ...nobody })
    expect(repair.written[0]?.metadata.labels).toMatchObject({ status: 'failed' })
    expect(repair.said[0]).toContain('is taken over')
  })

  test('one of somebody else that is young is waited for, and a stop ends the waiting', async () => {
    const young = helmRecord(3, 'pending-upgrade')
    young.metadata.creationTimestamp = new Date().toISOString()
    const { connection, written } = secretsOf([young])
    const stop = new AbortController()
    const waiting = releasePending({
      connection,
      job: job(1),
      namespace: 'shop',
      lifeOf: nobody.lifeOf,
      signal: stop.signal,
      say(text) {
        expect(text).toContain('it is waited for until')
        stop.abort(new Error('cancelled'))
      },
    })
    await expect(waiting).rejects.toThrow()
    expect(written).toEqual([])
  })

  test('a revision that is not pending is nobody’s concern', async () => {
    const repair = setUp(2, 'deployed', ofAttempt(1))
    await releasePending({ ...repair, ...nobody })
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

  test('a revision of somebody whose helm copied our labels is left alone', async () => {
    const { connection, written } = secretsOf([helmRecord(2, 'deployed', ofAttempt(2)), helmRecord(3, 'pending-upgrade', ofAttempt(2))])
    await recordFailure({ ...setUp(2, 'deployed', {}), connection }, end)
    expect(written).toEqual([])
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

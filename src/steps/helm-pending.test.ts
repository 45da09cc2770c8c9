import { describe, expect, test } from 'vitest'
import { releaseLabels } from './helm-origin.ts'
import { decidePending, type JobLife, otherOwner, type PendingScene } from './helm-pending.ts'
import type { HelmRecord } from './helm-record.ts'

const begunAt = Date.parse('2026-01-02T03:04:05Z')

const record = (revision: number, status: string, labels: Readonly<Record<string, string>> = {}): HelmRecord => ({
  secret: `sh.helm.release.v1.web.v${revision}`,
  revision,
  status,
  createdAt: begunAt,
  labels,
})
const of = (attempt: number, jobId = 'j'): Readonly<Record<string, string>> => releaseLabels({ deploymentId: 'dep', jobId, attempt })

const scene = (
  newest: HelmRecord,
  more: Partial<PendingScene> & { readonly older?: readonly HelmRecord[]; readonly takeOver?: boolean } = {},
) => {
  const { older = [record(2, 'deployed')], takeOver = false, ...rest } = more
  return {
    records: [newest, ...older],
    job: { deploymentId: 'dep', jobId: 'j', attempt: 2 },
    step: { release: 'web', deadlineSeconds: 600, takeOver },
    life: 'unknown' as JobLife,
    since: begunAt,
    now: begunAt,
    ...rest,
  }
}

test('without a pending revision helm is run', () => {
  expect(decidePending({ ...scene(record(3, 'deployed')), records: [] })).toEqual({ type: 'go-on' })
  for (const status of ['deployed', 'failed', 'superseded', 'uninstalled'])
    expect(decidePending(scene(record(3, status, of(1))))).toEqual({ type: 'go-on' })
})

describe('an owner that is known to be dead: the revision is marked as failed', () => {
  test.each(['pending-install', 'pending-upgrade'])('an earlier attempt of this job, %s', (status) => {
    expect(decidePending(scene(record(3, status, of(1))))).toMatchObject({
      type: 'mark',
      because: 'interrupted: attempt 1 of Telpher was lost',
      said: `revision 3 of the Helm release web was left ${status} by attempt 1: it is recorded as failed`,
    })
  })

  test('another job that has ended', () => {
    const newest = record(3, 'pending-upgrade', of(1, 'other'))
    expect(otherOwner([newest], { deploymentId: 'dep', jobId: 'j' })).toMatchObject({ jobId: 'other' })
    expect(decidePending(scene(newest, { life: 'ended' }))).toMatchObject({ type: 'mark', because: expect.stringContaining('job other') })
  })
})

describe('an owner that nobody knows', () => {
  const copied = { older: [record(2, 'deployed', of(1, 'other'))], life: 'ended' } as const
  test.each<[string, HelmRecord, Parameters<typeof scene>[1]]>([
    ['a helm without our labels', record(3, 'pending-upgrade'), {}],
    ['a job of another Telpher', record(3, 'pending-upgrade', of(1, 'other')), {}],
    ['a helm upgrade that copied our labels', record(3, 'pending-upgrade', of(1, 'other')), copied],
    ['a helm rollback that copied our labels', record(3, 'pending-rollback', of(1, 'other')), { life: 'ended' }],
  ])('%s is waited for, then asked about, and taken over when that is said', (_, newest, more = {}) => {
    const waits = decidePending(scene(newest, more))
    expect(waits).toMatchObject({ type: 'wait', until: begunAt + 300_000 })
    expect(decidePending(scene(newest, { ...more, now: begunAt + 300_000 }))).toMatchObject({
      type: 'ask',
      sentence: expect.stringMatching(
        /^revision 3 of the Helm release web is pending-\w+ since 2026-01-02T03:04:05.000Z, begun by .+: wait .+ --take-over$/,
      ),
    })
    expect(decidePending(scene(newest, { ...more, takeOver: true }))).toMatchObject({
      type: 'mark',
      because: 'taken over by Telpher while it was pending',
    })
  })

  test('is waited for no longer than a usual helm lives, nor than half of the deadline, whatever the clocks say', () => {
    const newest = record(3, 'pending-upgrade')
    const late = { since: begunAt + 290_000, now: begunAt + 290_000 }
    expect(decidePending(scene(newest, late))).toMatchObject({ type: 'wait', until: begunAt + 300_000 })
    expect(decidePending(scene(newest, { since: begunAt + 300_000, now: begunAt + 300_000 })).type).toBe('ask')
    const hurried = { ...scene(newest), step: { release: 'web', deadlineSeconds: 60 } }
    expect(decidePending(hurried)).toMatchObject({ type: 'wait', until: begunAt + 30_000 })
    const behind = { since: begunAt - 3_600_000, now: begunAt - 3_600_000 }
    expect(decidePending(scene(newest, behind))).toMatchObject({ type: 'wait', until: begunAt - 3_300_000 })
  })
})

test.each<[string, HelmRecord, JobLife]>([
  ['another job', record(3, 'pending-upgrade', of(1, 'other')), 'active'],
  ['this very attempt', record(3, 'pending-upgrade', of(2)), 'unknown'],
])('%s that has not ended is waited for, and never taken over from', (_, newest, life) => {
  const more = { life, takeOver: true }
  expect(decidePending(scene(newest, more)).type).toBe('wait')
  const asked = decidePending(scene(newest, { ...more, now: begunAt + 300_000 }))
  expect(asked).toMatchObject({
    type: 'ask',
    sentence: expect.stringContaining('which has not ended: wait for it, or: telpher cancel dep'),
  })
})

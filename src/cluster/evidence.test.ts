import { expect, test } from 'vitest'
import type { KubeObject } from '../model/verdict.ts'
import { probeThatKilled, troubleOfClaim, troublesOfEvents } from './evidence.ts'
import { gracesOf } from './graces.ts'

const event = (reason: string, message: string, second: number): KubeObject => ({
  kind: 'Event',
  metadata: {},
  reason,
  message,
  lastTimestamp: `2026-01-01T12:00:0${second}Z`,
  involvedObject: { uid: 'x' },
})

test('the newest killing of a container names its probe', () => {
  const events = [
    event('Killing', 'Container web failed startup probe, will be restarted', 1),
    event('Killing', 'Container web failed liveness probe, will be restarted', 3),
    event('Killing', 'Container other failed startup probe, will be restarted', 5),
  ]
  expect(probeThatKilled(events, 'web')).toBe('liveness')
  expect(probeThatKilled(events, 'other')).toBe('startup')
})

test('a container that was stopped for another reason has no probe to blame', () => {
  expect(probeThatKilled([event('Killing', 'Stopping container web', 1)], 'web')).toBeUndefined()
  expect(probeThatKilled([event('Unhealthy', 'Container web failed liveness probe, will be restarted', 1)], 'web')).toBeUndefined()
})

test.for([
  ['exceeded quota: few', 'quota_exceeded'],
  ['error looking up service account a/b: serviceaccount "b" not found', 'container_config'],
  ['violates PodSecurity "restricted:latest"', 'admission_denied'],
  ['admission webhook "x" denied the request', 'admission_denied'],
  ['User "x" cannot create', 'forbidden'],
] as const)('pods that cannot be created: %s', ([said, expected]) => {
  const workload: KubeObject = { kind: 'DaemonSet', metadata: { name: 'd', uid: 'x' }, status: { desiredNumberScheduled: 1 } }
  const found = troublesOfEvents(workload, [], [event('FailedCreate', said, 1)], 0, gracesOf())
  expect(found).toMatchObject([{ class: expected, message: `pods cannot be created: ${said}` }])
})

test('a claim that is not bound never fails by itself', () => {
  expect(troubleOfClaim({ metadata: { name: 'data' } }, 'it is Pending')).toMatchObject({
    class: 'volume_pending',
    name: 'data',
    graceMs: Number.POSITIVE_INFINITY,
  })
})

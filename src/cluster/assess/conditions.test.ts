import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readConditions } from './conditions.ts'
import type { Condition } from './fields.ts'
import { assess } from './index.ts'

/** `Ready=False/Reason: message`. */
const condition = (text: string): Condition => {
  const [, type = '', status = '', reason, message] = /^([^=]+)=(\w+)(?:\/(\w+))?(?:: (.*))?$/.exec(text) ?? []
  return { type, status, ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) }
}

describe('conditions', () => {
  test.each([
    [['Ready=True'], 'Current'],
    [['Ready=False'], 'InProgress'],
    [['Ready=Unknown'], 'InProgress'],
    [['Ready=False/Updating: Update in progress'], 'InProgress'],
    [['Ready=False/UpdateFailed'], 'Failed'],
    [['Ready=False/NotReady: instance terminated unexpectedly'], 'Failed'],
    [['Ready=False/Migrating: Error: checksum mismatch'], 'Failed'],
    [['Ready=False/MinimumReplicasUnavailable'], 'InProgress'],
    [['Ready=False/Stopped'], 'Suspended'],
    [['Ready=True', 'Degraded=True/HalfGone'], 'Failed'],
    [['Ready=True', 'Degraded=False'], 'Current'],
    [['Ready=True', 'NoWarnings=False'], 'Current'],
    [['Ready=True', 'Warning=True/DeprecatedFields'], 'Current'],
    [['Ready=True', 'MemoryPressure=True'], 'Failed'],
    [['Ready=True', 'Paused=True'], 'Suspended'],
    [['Ready=True', 'Updating=True'], 'InProgress'],
    [['NotReady=True/Creating'], 'InProgress'],
    [['NotReady=True/InvalidResource'], 'Failed'],
    [['Ready=False: waiting', 'DatabaseReady=False/CreateFailed'], 'Failed'],
    [['Ready=True', 'CronJobAvailable=False: another strategy is used'], 'Current'],
    [['DatabaseReady=True', 'CacheReady=False/Creating'], 'InProgress'],
    [['DatabaseReady=True', 'CacheReady=True'], 'Current'],
    [['Healthy=True', 'Installed=False/UnpackingPackage'], 'InProgress'],
    [['Available=True', 'Progressing=True/NewReplicaSetAvailable'], 'Current'],
    [['Available=True', 'Progressing=True/ReplicaSetUpdated'], 'InProgress'],
    [['Available=True', 'Progressing=False/ProgressDeadlineExceeded'], 'Failed'],
    [['Available=True', 'Progressing=Unknown: waiting for a pod to run'], 'InProgress'],
    [['Issuing=True: Issuing certificate', 'Ready=False/DoesNotExist: the Secret does not exist'], 'InProgress'],
    [['Reconciling=True/ProgressingWithRetry', 'Ready=False/UpgradeFailed'], 'Failed'],
    [['Running=True/Running: Running reconciliation'], 'InProgress'],
    [['Running=True/Successful: Awaiting next reconciliation'], 'Current'],
    [['Launched=True', 'Registered=True'], undefined],
    [['Launched=True', 'Registered=False: not there yet'], 'InProgress'],
    [['example.test/app-ready=True'], 'Current'],
    [['Discoverable=True'], 'Current'],
    [['FailedScale=True/MinimumReplicasAvailable'], undefined],
    [['Ready=True', 'ContinuousArchiving=True'], 'Current'],
    [['Available=True', 'ScalingUp=True'], 'InProgress'],
    [['Available=True', 'RollingOut=False', 'Upgradeable=False'], 'Current'],
    [['ACK.ResourceSynced=False', 'ACK.Terminal=True: no such bucket'], 'Failed'],
    [['Odd=True'], undefined],
    [[], undefined],
  ])('%j is %s', (texts, status) => {
    expect(readConditions(texts.map(condition))?.status).toBe(status)
  })

  test('a severity says what a False means', () => {
    expect(readConditions([{ type: 'Ready', status: 'False', severity: 'Error' }])?.status).toBe('Failed')
  })
})

test('any object has an answer', () => {
  const json = fc.jsonValue({ maxDepth: 5 })
  const entry = fc.record(
    { type: json, status: fc.constantFrom('True', 'False', 'Unknown', 3, null), reason: json, message: json, observedGeneration: json },
    { requiredKeys: [] },
  )
  const status = fc.oneof(
    json,
    fc.record(
      {
        conditions: fc.oneof(json, fc.array(fc.oneof(json, entry))),
        phase: json,
        replicas: json,
        readyReplicas: json,
        statuses: json,
        error: json,
        parents: json,
      },
      { requiredKeys: [] },
    ),
  )
  const object = fc.record(
    {
      apiVersion: fc.constantFrom('v1', 'apps/v1', 'batch/v1', 'policy/v1', 'example.test/v1'),
      kind: fc.constantFrom(
        'Pod',
        'Deployment',
        'StatefulSet',
        'DaemonSet',
        'Job',
        'CronJob',
        'Service',
        'Ingress',
        'PodDisruptionBudget',
        'HorizontalPodAutoscaler',
        'Widget',
      ),
      metadata: fc.oneof(json, fc.record({ generation: json })),
      spec: json,
      status,
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(object, (value) => {
      const said = assess(value as never)
      expect(typeof said.message).toBe('string')
      expect(['Current', 'InProgress', 'Failed', 'Suspended', 'Terminating']).toContain(said.status)
    }),
    { numRuns: 2000 },
  )
})

import { expect, test } from 'vitest'
import { sampleWorker } from '../../tests/support/samples.ts'
import type { SeenWorker } from '../model/worker.ts'
import { judgeWorkers, type WorkerFacts } from './workers.ts'

const now = 1_700_000_000_000
const worker = (name: string, changes: Partial<SeenWorker> = {}): SeenWorker => ({
  ...sampleWorker(name, { version: '1.2.0', at: now - 1000 }),
  seenAt: now - 1000,
  ...changes,
})
const judge = (changes: Partial<WorkerFacts>) =>
  judgeWorkers({ workers: [worker('a')], now, version: '1.2.3', pools: ['default'], ...changes })
const lines = (changes: Partial<WorkerFacts>) =>
  judge(changes)
    .filter(({ status }) => status !== 'ok')
    .map(({ id, subject, status }) => [id, subject, status])

test('nothing is wrong with a live worker of the pool', () => {
  expect(lines({})).toEqual([])
  expect(judge({})[0]).toMatchObject({ id: 'workers', subject: 'default', seen: '1 worker alive, 0 of 4 slots busy' })
})

test.each<[string, Partial<WorkerFacts>, unknown[]]>([
  ['nobody is there', { workers: [] }, [['workers', 'default', 'fail']]],
  ['nobody is there, and no target', { workers: [], pools: [] }, [['workers', undefined, 'warn']]],
  ['the pool of a target has none', { pools: ['default', 'eu'] }, [['workers', 'eu', 'fail']]],
  ['all are draining', { workers: [worker('a', { state: 'draining' })] }, [['workers', 'default', 'fail']]],
  ['one is silent', { workers: [worker('a'), worker('b', { seenAt: now - 11_000 })] }, [['worker-silent', undefined, 'warn']]],
  ['one is older', { workers: [worker('a', { version: '1.1.9' })] }, [['worker-version', undefined, 'warn']]],
  ['one isolates nothing', { workers: [worker('a', { executor: 'process' })] }, [['worker-isolation', undefined, 'warn']]],
  ['one has another clock', { workers: [worker('a', { at: now - 31_000 })] }, [['clock', 'worker a', 'warn']]],
])('%s', (_, changes, expected) => {
  expect(lines(changes)).toEqual(expected)
})

test('every finding that is not good says what to do', () => {
  const found = judge({
    workers: [worker('a', { executor: 'process', version: '0.1.0', at: 0 }), worker('b', { seenAt: 0 })],
    pools: ['eu'],
  })
  for (const { status, fix } of found) expect(fix !== undefined).toBe(status !== 'ok')
  expect(found.find(({ subject }) => subject === 'eu')?.fix).toBe('TELPHER_POOL=eu telpher worker start')
})

test('a worker that does not tell its time is not judged by it', () => {
  const { at: _at, ...old } = worker('a')
  expect(lines({ workers: [old] })).toEqual([])
})

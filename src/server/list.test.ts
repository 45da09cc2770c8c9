import { expect, test } from 'vitest'
import { applyStep } from '../../tests/support/samples.ts'
import type { Deployment } from '../model/deployment.ts'
import { isWanted, listSchema } from './list.ts'

const deployment: Deployment = {
  id: 'dep_1',
  request: { name: 'Shop web', steps: [applyStep('web')], targets: ['eu'], tag: 'env=prod' },
  targets: ['eu', 'us'],
  namespaces: ['shop'],
  state: 'finished',
  result: 'failure',
  createdAt: 1,
}

test.each([
  [{}, true],
  [{ status: ['failure'] }, true],
  [{ status: ['success', 'finished'] }, true],
  [{ status: ['success', 'pending'] }, false],
  [{ target: 'us' }, true],
  [{ target: 'asia' }, false],
  [{ namespace: 'shop' }, true],
  [{ namespace: 'web' }, false],
  [{ name: 'shop' }, true],
  [{ name: 'shops' }, false],
  [{ tag: 'env=prod' }, true],
  [{ tag: 'env=test' }, false],
  [{ tag: 'region=us' }, true],
  [{ tag: 'env=prod', target: 'asia' }, false],
] as const)('%j finds it: %s', (query, found) => {
  const asked = 'status' in query ? { ...query, status: [...query.status] } : query
  expect(isWanted(deployment, asked, new Set('tag' in query && query.tag === 'region=us' ? ['us'] : []))).toBe(found)
})

test('records of before the namespaces were kept are found by what their steps name', () => {
  const { namespaces: _, ...old } = {
    ...deployment,
    request: { ...deployment.request, steps: [{ ...applyStep('web'), namespace: 'old' }] },
  }
  expect([isWanted(old, { namespace: 'old' }), isWanted(old, { namespace: 'shop' })]).toEqual([true, false])
})

test('several statuses are joined by commas, and numbers may be text', () => {
  expect(listSchema.parse({ status: 'success,failure', since: '5', limit: '7' })).toEqual({
    limit: 7,
    status: ['success', 'failure'],
    since: 5,
  })
  for (const query of [{ status: 'good' }, { status: '' }, { since: 'x' }, { until: '-1' }, { target: 'A' }, { cursor: 'x' }])
    expect(listSchema.safeParse(query).success, JSON.stringify(query)).toBe(false)
})

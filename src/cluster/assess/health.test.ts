import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { KubeObject, ObjectStatus } from '../../model/verdict.ts'
import { assess } from './index.ts'

interface Case {
  readonly id: string
  readonly group: string
  readonly expected: { readonly status: ObjectStatus }
  readonly object: KubeObject
}

const file = new URL('../../../tests/fixtures/health/argo-open.ndjson', import.meta.url)
const cases = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Case)

const share = (part: readonly unknown[], whole: readonly unknown[]): number => part.length / whole.length

const answers = cases.map((one) => ({ ...one, said: assess(one.object) }))
const ready = answers.filter(({ expected }) => expected.status === 'Current')
const notReady = answers.filter(({ expected }) => expected.status !== 'Current')

test('agrees with the health that people wrote scripts for', () => {
  const agreed = answers.filter(({ expected, said }) => said.status === expected.status)
  expect(share(agreed, answers)).toBeGreaterThanOrEqual(0.85)
})

test('seldom calls an object ready that is not', () => {
  const wrong = notReady.filter(({ said }) => said.status === 'Current').map(({ id }) => id)
  expect(share(wrong, notReady), wrong.join('\n')).toBeLessThanOrEqual(0.03)
})

test('seldom misses that an object is ready', () => {
  const missed = ready.filter(({ said }) => said.status !== 'Current').map(({ id }) => id)
  expect(share(missed, ready), missed.join('\n')).toBeLessThanOrEqual(0.05)
})

test('says no object has failed that is ready, but where its own status says so', () => {
  const wrong = ready.filter(({ said }) => said.status === 'Failed').map(({ id }) => id)
  expect(wrong).toEqual([
    'operators.coreos.com/Subscription/testdata/install_plan_missing.yaml',
    'projectcontour.io/HTTPProxy/testdata/parent_child.yaml',
  ])
})

test('gives every answer a sentence and a rule', () => {
  for (const { id, said } of answers) {
    expect(said.message, id).toMatch(/\S/)
    expect(said.rule, id).toMatch(/^[A-Za-z]+$/)
  }
})

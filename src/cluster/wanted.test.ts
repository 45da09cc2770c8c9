import { expect, test } from 'vitest'
import type { LedgerEntry } from '../model/ledger.ts'
import type { ObjectRef } from '../model/verdict.ts'
import { createWanted, hasStatus } from './wanted.ts'

let count = 0
const write = (given: Partial<LedgerEntry>): LedgerEntry => ({
  n: ++count,
  at: count,
  attempt: 1,
  verb: 'patch',
  group: 'apps',
  version: 'v1',
  resource: 'deployments',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
  uid: 'u-1',
  generation: 1,
  dryRun: false,
  code: 200,
  ms: 1,
  credentialId: 'cred',
  ...given,
})

const wantedOf = (writes: readonly LedgerEntry[]): ObjectRef[] => {
  const wanted = createWanted()
  wanted.take(writes)
  return [...wanted.all()]
}
const namesOf = (...writes: Partial<LedgerEntry>[]): string[] => wantedOf(writes.map(write)).map(({ name }) => name)

test('the last write of an object counts, with its generation', () => {
  const [ref, ...others] = wantedOf([write({}), write({ generation: 4, uid: 'u-2' })])
  expect(ref).toEqual({
    group: 'apps',
    version: 'v1',
    resource: 'deployments',
    kind: 'Deployment',
    namespace: 'shop',
    name: 'web',
    uid: 'u-2',
    generation: 4,
  })
  expect(others).toEqual([])
})

test('refusals, dry runs, subresources and streams change nothing', () => {
  expect(
    namesOf(
      { code: 403 },
      { code: 0 },
      { code: 500 },
      { dryRun: true },
      { subresource: 'status' },
      { verb: 'connect', resource: 'pods', subresource: 'exec' },
    ),
  ).toEqual([])
})

test('what was deleted afterwards is not wanted, also when it was gone already', () => {
  expect(namesOf({}, { verb: 'delete' })).toEqual([])
  expect(namesOf({}, { verb: 'delete', code: 404 })).toEqual([])
  expect(namesOf({}, { verb: 'delete', code: 403 })).toEqual(['web'])
  expect(namesOf({}, { verb: 'delete' }, { verb: 'create', code: 201 })).toEqual(['web'])
})

test('what a deletion of many may have taken is not waited for', () => {
  expect(
    namesOf({ name: 'a' }, { name: 'b', namespace: 'other' }, { verb: 'deletecollection', name: undefined } as never, { name: 'c' }),
  ).toEqual(['b', 'c'])
})

test('helm’s own records and other tools’ traces are left out, other secrets are not', () => {
  const core = { group: '', version: 'v1' }
  expect(
    namesOf(
      { ...core, resource: 'secrets', name: 'sh.helm.release.v1.shop.v3' },
      { ...core, resource: 'configmaps', name: 'sh.helm.release.v1.shop.v3' },
      { ...core, resource: 'events', name: 'web.1' },
      { group: 'coordination.k8s.io', resource: 'leases', name: 'leader' },
      { ...core, resource: 'secrets', name: 'password' },
    ),
  ).toEqual(['password'])
})

test('a namespace is an object of the cluster', () => {
  const [ref] = wantedOf([write({ group: '', version: 'v1', resource: 'namespaces', kind: 'Namespace', namespace: 'shop', name: 'shop' })])
  expect(ref?.namespace).toBeUndefined()
})

test('plain kinds are current once they are written', () => {
  const ref = { group: '', version: 'v1', resource: 'configmaps', name: 'x' }
  expect(hasStatus(ref)).toBe(false)
  expect(hasStatus({ ...ref, group: 'rbac.authorization.k8s.io', resource: 'roles' })).toBe(false)
  expect(hasStatus({ ...ref, resource: 'services' })).toBe(true)
  expect(hasStatus({ ...ref, group: 'example.test', resource: 'secrets' })).toBe(true)
})

test('of a ledger that grows each entry is looked at once, and only kinds with a status are watched', () => {
  const wanted = createWanted()
  const ledger: LedgerEntry[] = []
  let reads = 0
  const counted = new Proxy(ledger, {
    get: (target, key) => {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads++
      return Reflect.get(target, key)
    },
  })
  for (let index = 0; index < 500; index++) {
    ledger.push(write(index % 10 === 0 ? { name: `web-${index}` } : { group: '', resource: 'configmaps', name: `settings-${index}` }))
    wanted.take(counted)
  }
  expect([wanted.size, [...wanted.watched()].length, reads]).toEqual([500, 50, 500])
  const { name: _, ...collection } = write({ verb: 'deletecollection' })
  ledger.push(collection)
  wanted.take(counted)
  expect([wanted.size, [...wanted.watched()].length, reads]).toEqual([450, 0, 501])
})

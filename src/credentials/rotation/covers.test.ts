import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PolicyRule } from '../bootstrap/rules.ts'
import { missingIn } from './covers.ts'

const rule = (verbs: string[], resources: string[], more: Partial<PolicyRule> = {}): PolicyRule => ({
  apiGroups: [''],
  resources,
  verbs,
  ...more,
})

test.each<readonly [string, PolicyRule[], PolicyRule[], string | undefined]>([
  ['the same', [rule(['get'], ['pods'])], [rule(['get'], ['pods'])], undefined],
  ['a verb less', [rule(['get'], ['pods'])], [rule(['get', 'list'], ['pods'])], 'list pods'],
  ['what one rule said, in two', [rule(['get'], ['pods']), rule(['list'], ['pods'])], [rule(['get', 'list'], ['pods'])], undefined],
  ['everything', [rule(['*'], ['*'], { apiGroups: ['*'] })], [rule(['get'], ['deployments'], { apiGroups: ['apps'] })], undefined],
  ['another group', [rule(['get'], ['x'], { apiGroups: ['a'] })], [rule(['get'], ['x'], { apiGroups: ['b'] })], 'get x.b'],
  ['a name in place of all', [rule(['get'], ['pods'], { resourceNames: ['a'] })], [rule(['get'], ['pods'])], 'get pods'],
  ['all in place of a name', [rule(['get'], ['pods'])], [rule(['get'], ['pods'], { resourceNames: ['a'] })], undefined],
  ['a subresource of all', [rule(['update'], ['*/scale'])], [rule(['update'], ['deployments/scale'])], undefined],
  ['less than everything', [rule(['get'], ['pods'])], [rule(['*'], ['pods'])], '* pods'],
])('%s', (_, after, before, missing) => {
  expect(missingIn(after, before)).toBe(missing)
})

const some = (words: string[]) => fc.uniqueArray(fc.constantFrom(...words), { minLength: 1, maxLength: 3 })
const rules = fc.array(
  fc.record({ apiGroups: some(['', 'apps', '*']), resources: some(['pods', 'secrets', '*']), verbs: some(['get', 'list', '*']) }),
  { maxLength: 4 },
)

test('all rules cover themselves and less, and more covers what it was made from', () => {
  fc.assert(
    fc.property(rules, rules, (a, b) => {
      expect(missingIn(a, a)).toBeUndefined()
      expect(missingIn([...a, ...b], a)).toBeUndefined()
      if (a.length > 0) expect(missingIn([], a)).toBeDefined()
    }),
  )
})

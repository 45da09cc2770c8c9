import { expect, test } from 'vitest'
import { catalogue } from '../catalogue.ts'
import { globals } from '../globals.ts'
import { completedOption, placesOf } from './places.ts'

const places = placesOf(catalogue)
const at = (name: string) => places.find((place) => place.name === name)

test('every command that is shown has its place, and a word leads there', () => {
  for (const { path, aliases = [], hidden } of catalogue) {
    const parent = at(path.slice(0, -1).join(' '))
    const word = parent?.words.find(({ name }) => name === path.at(-1))
    expect(word?.aliases, path.join(' ')).toEqual(hidden === true ? undefined : aliases)
    expect(at(path.join(' ')) !== undefined, path.join(' ')).toBe(hidden !== true)
  }
})

test('groups have their words and their alias', () => {
  expect(at('target')?.words.map(({ name }) => name)).toEqual(['add', 'list', 'view', 'check', 'edit', 'remove'])
  expect(at('')?.words.find(({ name }) => name === 'target')?.aliases).toEqual(['targets'])
})

test.each([
  ['-t, --target <name>', { names: ['-t', '--target'], takes: 'any', joined: false }],
  ['--no-wait', { names: ['--no-wait'], joined: false }],
  ['-w, --wait', { names: ['-w', '--wait'], joined: false }],
  ['--idempotency-key <the-key>', { names: ['--idempotency-key'], takes: 'any', joined: false }],
])('the option %s is read', (flags, expected) => {
  expect(completedOption({ flags, about: 'x' })).toEqual({ about: 'x', ...expected })
})

test('choices come before kinds of values', () => {
  expect(globals.map(completedOption).map(({ takes }) => takes)).toEqual([
    'any',
    'files',
    ['table', 'json', 'jsonl', 'yaml'],
    ['auto', 'always', 'never'],
  ])
  expect(at('target add')?.options.find(({ names }) => names[0] === '--grant')).toMatchObject({ joined: true, takes: expect.any(Array) })
})

test('arguments say what they are', () => {
  const offers = ['deploy', 'status', 'logs', 'target check', 'target add', 'target list', 'completion'].map((name) => at(name)?.argument)
  expect(offers).toEqual(['files', 'deployments', 'deployments', 'targets', 'any', undefined, ['bash', 'zsh', 'fish']])
})

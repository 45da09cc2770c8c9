import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mustBeComplete, readInputs } from './inputs.ts'
import { fillIn, namesIn, partsOf } from './references.ts'
import type { InputSpec, Process } from './types.ts'

const process = (inputs: Record<string, InputSpec>): Process => ({ name: 'shop', inputs, steps: [{ name: 'a', apply: '.' }] })
const shop = process({
  version: { type: 'string', pattern: String.raw`\d+|latest`, description: 'which image' },
  replicas: { type: 'number', default: 2 },
  debug: { type: 'boolean', default: false },
  tier: { type: 'choice', options: ['small', 'large'] },
})

describe('inputs', () => {
  test('have what is given, else their default, else nothing', () => {
    expect([...readInputs(shop, ['version=12', 'debug=true', 'version=13'])]).toEqual([
      ['replicas', '2'],
      ['debug', 'true'],
      ['version', '13'],
    ])
  })
  test('may hold equals signs, and be empty', () => {
    const free = process({ a: { type: 'string' } })
    expect(readInputs(free, ['a=x=y']).get('a')).toBe('x=y')
    expect(readInputs(free, ['a=']).get('a')).toBe('')
  })
  test.each([
    ['version', '--input version: use NAME=VALUE'],
    ['=1', '--input =1: use NAME=VALUE'],
    ['verison=1', '--input verison: the process has no such input; did you mean version?'],
    ['constructor=1', '--input constructor: the process has no such input'],
    ['version=12a', String.raw`--input version=12a: give text that matches \d+|latest`],
    ['replicas=two', '--input replicas=two: give a number'],
    ['replicas=0x10', '--input replicas=0x10: give a number'],
    ['replicas=', '--input replicas=: give a number'],
    ['debug=yes', '--input debug=yes: give true or false'],
    ['tier=medium', '--input tier=medium: give one of small, large'],
  ])('%s is refused', (given, message) => {
    expect(() => readInputs(shop, [given])).toThrow(expect.objectContaining({ code: 'usage', field: '--input', message }))
  })
  test('that are missing are all named, with what they are for', () => {
    expect(() => mustBeComplete(shop, readInputs(shop, []))).toThrow(
      'the process needs --input version=… (which image), --input tier=… (one of small, large)',
    )
    expect(() => mustBeComplete(shop, readInputs(shop, ['version=1', 'tier=small']))).not.toThrow()
  })
})

describe('references', () => {
  const values = new Map([
    ['a', '1'],
    ['evil', '${inputs.a}$&'],
  ])
  test.each([
    ['plain $ text }', 'plain $ text }'],
    ['x-${inputs.a}-${inputs.a}', 'x-1-1'],
    ['$${inputs.a}', '${inputs.a}'],
    ['${inputs.evil}', '${inputs.a}$&'],
    ['${inputs.none}', undefined],
    ['${ inputs.a }', undefined],
    ['${inputs.a', undefined],
    ['${a}', undefined],
    ['${inputs.a.b}', undefined],
    ['', ''],
  ])('%s is %s', (text, expected) => {
    expect(fillIn(text, values)).toBe(expected)
  })
  test('any text can be written so that it is meant as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', 'inputs.a', '}') }), (text) => {
        expect(
          fillIn(
            text.replaceAll('${', () => '$${'),
            values,
          ),
        ).toBe(text)
      }),
    )
  })
  test('what is filled in is never looked at again', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(fillIn('<${inputs.x}>', new Map([['x', text]]))).toBe(`<${text}>`)
      }),
    )
  })
  test('are named, each time', () => {
    expect(namesIn('${inputs.a}${inputs.b} $${inputs.c}')).toEqual(['a', 'b'])
    expect(partsOf('${')).toBeUndefined()
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { parseProcess } from './parse.ts'
import type { Problem } from './types.ts'

const problemsOf = (source: string): readonly Problem[] => {
  const parsed = parseProcess(source)
  return parsed.ok ? [] : parsed.problems
}
/** Each problem as `line:column path: message (hint)`. */
const said = (source: string): string[] =>
  problemsOf(source).map(
    ({ line, column, path, message, hint }) => `${line}:${column} ${path}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
  )

const shop = `# yes
name: shop
inputs:
  version: { type: string, required: true, pattern: '[0-9.]+' }
  replicas: { type: number, default: 2 }
  tier: { type: choice, options: [small, large], default: small }
targets:
  tags: [env=staging]
steps:
  - name: config
    apply: [./manifests, extra/*.yaml]
    namespace: shop-\${inputs.tier}
    deadline: 5m
  - name: web
    helm:
      chart: ./chart
      release: web
      values: [values.yaml]
      set: { image.tag: "\${inputs.version}", replicas: "\${inputs.replicas}", debug: false, price: "$$\{x}" }
`

test('a good file is read, with the place of everything in it', () => {
  const parsed = parseProcess(shop)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  const { process, placeOf } = parsed.read
  expect(process.steps.map(({ name }) => name)).toEqual(['config', 'web'])
  expect(placeOf(['steps', 1, 'helm', 'chart'])).toEqual({ line: 16, column: 14 })
  expect(placeOf(['steps', 0, 'apply', 1])).toEqual({ line: 11, column: 26 })
  expect(placeOf(['steps', 1, 'helm'])).toEqual({ line: 15, column: 5 })
})

test('the same file with line breaks of Windows, and as JSON, means the same', () => {
  const read = (source: string): unknown => {
    const parsed = parseProcess(source)
    return parsed.ok ? parsed.read.process : parsed.problems
  }
  expect(read(shop.replaceAll('\n', '\r\n'))).toEqual(read(shop))
  expect(read(JSON.stringify(read(shop)))).toEqual(read(shop))
})

const step = 'steps: [{ name: a, apply: x }]'
describe('says what is wrong, where, and what to write', () => {
  test.each<[string, string[]]>([
    [
      'name: a\nsteps:\n  - name: a\n    apply: x\n    when: allways\n',
      ['5:11 steps[0].when: use one of success, failure, always (did you mean always?)'],
    ],
    [
      'name: a\nsteps:\n  - name: a\n    apply: x\n    when: failure\n',
      ['5:11 steps[0].when: no step before the first can fail: it would never run'],
    ],
    ['', ['1:1 : the file is empty']],
    ['# nothing\n', ['1:1 : the file is empty']],
    ['name: a\n', ['1:1 steps: steps is missing']],
    ['[]', ['1:1 : give keys and values here, not a list']],
    [
      `name: Shop\n${step}`,
      ['1:7 name: use lower-case letters, digits and dashes, at most 63, beginning and ending with a letter or digit'],
    ],
    [`name: 12\n${step}`, ['1:7 name: give text here, not 12: put it into quotes']],
    [`nam: a\n${step}`, ['1:1 nam: there is no nam here (did you mean name?)']],
    [`name: a\nname: b\n${step}`, ['2:1 : this key is given twice']],
    [`name: a\n${step}\n---\nname: b\n`, ['3:1 : a process file is one document: put the next one into a file of its own']],
    [`name: !secret a\n${step}`, ['1:7 : not YAML: Unresolved tag: !secret']],
    ['name: a\nsteps: []', ['2:1 steps: this must not be empty']],
    ['name: a\nsteps:\n  - name: a\n', ['3:5 steps[0]: say what the step does: apply or helm']],
    ['name: a\nsteps:\n  - name: a\n    aply: x\n', ['4:5 steps[0].aply: there is no aply here (did you mean apply?)']],
    [
      'name: a\nsteps:\n  - name: a\n    apply: x\n    helm: { chart: c }\n',
      ['3:5 steps[0]: a step does one thing: apply or helm, in two steps'],
    ],
    ['name: a\nsteps:\n  - name: a\n    apply: 7\n', ['4:12 steps[0].apply: give a path or a list of paths']],
    ['name: a\nsteps:\n  - name: a\n    apply: /etc\n', ['4:12 steps[0].apply: give a path relative to this file']],
    ['name: a\nsteps:\n  - name: a\n    apply:\n', ['4:5 steps[0].apply: give a path or a list of paths']],
    ['name: a\nsteps:\n  - name: a\n    helm:\n      release: r\n', ['4:5 steps[0].helm.chart: chart is missing']],
    [
      'name: a\nsteps:\n  - name: a\n    helm: { chart: c, sett: { a: b } }\n',
      ['4:23 steps[0].helm.sett: there is no sett here (did you mean set?)'],
    ],
    [
      'name: a\nsteps:\n  - name: a\n    helm: { chart: c, set: { a: 1.10 } }\n',
      ['4:33 steps[0].helm.set.a: as a number, 1.10 is 1.1 (put it into quotes: "1.10")'],
    ],
    [
      'name: a\nsteps:\n  - name: a\n    helm: { chart: c, set: { a: [1] } }\n',
      ['4:30 steps[0].helm.set.a: give text, a number, or true or false'],
    ],
    [
      'name: a\nsteps:\n  - name: a\n    apply: x\n    deadline: 1s\n',
      ['5:15 steps[0].deadline: give a duration such as 90s, 10m or 1h30m, from 5s to 6h'],
    ],
    [
      'name: a\nsteps:\n  - name: a\n    apply: x\n    deadline: 300\n',
      ['5:15 steps[0].deadline: give text here, not 300: put it into quotes'],
    ],
    [
      'name: a\nsteps:\n  - name: a\n    apply: x\n  - name: a\n    apply: y\n',
      ['5:11 steps[1].name: the step steps[0] has this name already'],
    ],
    [`name: a\nsteps:\n  - name: a\n    apply: ./\${inputs.x}\n`, ['4:12 steps[0].apply: there is no input x']],
    [
      `name: a\ninputs: { version: { type: string } }\nsteps:\n  - name: a\n    apply: ["\${inputs.verison}"]\n`,
      ['5:13 steps[0].apply[0]: there is no input verison (did you mean version?)'],
    ],
    [
      `name: a\nsteps:\n  - name: a\n    apply: \${HOME}\n`,
      [`4:12 steps[0].apply: only \${inputs.NAME} is filled in (write $\${ where the text \${ itself is meant)`],
    ],
    [
      `name: a\ninputs: { 1a: { type: string } }\n${step}`,
      ['2:11 inputs.1a: use letters, digits, dashes and underscores, beginning with a letter'],
    ],
    [`name: a\ninputs: { b: { type: text } }\n${step}`, ['2:22 inputs.b.type: use one of string, number, boolean, choice']],
    [`name: a\ninputs: { b: {} }\n${step}`, ['2:11 inputs.b.type: use one of string, number, boolean, choice']],
    [`name: a\ninputs: { b: { type: number, default: x } }\n${step}`, ['2:39 inputs.b.default: give a number here, not text']],
    [`name: a\ninputs: { b: { type: number, pattern: x } }\n${step}`, ['2:30 inputs.b.pattern: pattern is not for this type of input']],
    [`name: a\ninputs: { b: { type: string, pattern: "(" } }\n${step}`, ['2:39 inputs.b.pattern: this is no regular expression']],
    [
      `name: a\ninputs: { b: { type: choice, options: [x], default: y } }\n${step}`,
      ['2:53 inputs.b.default: this is not among the values of the input: one of x'],
    ],
    [
      `name: a\ninputs: { b: { type: boolean, default: false, required: true } }\n${step}`,
      ['2:40 inputs.b.default: an input with a default need not be given: leave out default or required'],
    ],
    [`name: a\ntargets: {}\n${step}`, ['2:1 targets: name at least one tag or one target']],
    [`name: a\ntargets: { tags: env=prod }\n${step}`, ['2:18 targets.tags: give a list here, not text']],
    [
      `name: a\nfoo: 1\nbar: 2\n${step}`,
      [
        '2:1 foo: there is no foo here (known: name, inputs, targets, rollout, deadline, priority, weight, whenBusy, steps)',
        '3:1 bar: there is no bar here (known: name, inputs, targets, rollout, deadline, priority, weight, whenBusy, steps)',
      ],
    ],
  ])('%j', (source, expected) => {
    expect(said(source)).toEqual(expected)
  })
})

test('text that is not closed is missed at the end of the text, not behind it', () => {
  expect(said('name: "a\n\n\n')).toEqual([expect.stringMatching(/^1:\d+ : not YAML: /)])
})

test('bombs and depths are refused', () => {
  const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefgh'
    .split('')
    .map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[at]}`).join(', ')}]`)
    .join('\n')}\n`
  expect(said(bomb)).toEqual([expect.stringContaining('it cannot be read: ')])
  expect(said(`name: ${'['.repeat(20_000)}`)).not.toEqual([])
  expect(said(`name: ${'a'.repeat(1 << 20)}`)).toEqual(['1:1 : the file is larger than 1 MiB'])
})

/** Whatever it says must be a place in the file, and a sentence. */
const mustBeSound = (source: string): void => {
  const lines = source.split('\n')
  for (const { line, column, message } of problemsOf(source)) {
    expect(line).toBeLessThanOrEqual(lines.length)
    expect(column).toBeGreaterThanOrEqual(1)
    expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 1)
    // Only yaml's own words are not ours; zod's must never be seen.
    expect(message).toMatch(/^not YAML: |^(?!.*(?:undefined|\[object|Invalid|expected )).+$/s)
  }
}

const word = fc.oneof(
  fc.constantFrom(
    'name',
    'inputs',
    'targets',
    'tags',
    'names',
    'steps',
    'apply',
    'helm',
    'set',
    'chart',
    'type',
    'string',
    'default',
    'deadline',
  ),
  fc.constantFrom('__proto__', 'constructor', `\${inputs.a}`, `\${`, '5m', '*a', '&a', '!x', '<<'),
  fc.string({ maxLength: 8 }),
)

test('any tree of values is answered with places and sentences, never thrown at', () => {
  const tree = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.oneof(word, fc.integer(), fc.double(), fc.boolean(), fc.constant(null)),
      fc.array(tie('node'), { maxLength: 4 }),
      fc.dictionary(word, tie('node'), { maxKeys: 5 }),
    ),
  })).node
  fc.assert(
    fc.property(tree, (value) => mustBeSound(stringify(value))),
    { numRuns: 300 },
  )
})

test('a good file with a few characters changed is too', () => {
  const change = fc.tuple(
    fc.nat(shop.length),
    fc.nat(6),
    fc.oneof(word, fc.constantFrom('\n', '\t', '  ', '- ', ': ', '{', '[', '"', '\r\n')),
  )
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) =>
      mustBeSound(changes.reduce((text, [at, length, put]) => text.slice(0, at) + put + text.slice(at + length), shop)),
    ),
    { numRuns: 500 },
  )
})

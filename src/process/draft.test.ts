import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type DraftStep, draftOf } from './draft.ts'
import { parseProcess } from './parse.ts'
import { resolveSteps } from './resolve.ts'

const sourcesIn = (text: string): unknown[] => {
  const parsed = parseProcess(text)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return resolveSteps(parsed.read.process, new Map()).steps.map((step) => step?.sources)
}

test('a draft is a good process file', () => {
  const steps: DraftStep[] = [
    { name: 'web', apply: ['./web'] },
    { name: 'all', apply: ['./a.yaml', './b c.yaml'] },
    { name: 'chart', chart: './chart' },
  ]
  expect(sourcesIn(draftOf('shop', steps))).toEqual([
    { kind: 'apply', paths: ['./web'] },
    { kind: 'apply', paths: ['./a.yaml', './b c.yaml'] },
    { kind: 'helm', chart: './chart', values: [] },
  ])
})

test('what is written as comments is good too', () => {
  const text = draftOf('shop', [{ name: 'chart', chart: './chart' }])
  const uncommented = text.replace(/^# (inputs:|targets:| {2}\w)/gm, '$1').replace(/^( {6})# /gm, '$1')
  const parsed = parseProcess(uncommented)
  expect(parsed).toMatchObject({ ok: true, read: { process: { inputs: { version: {} }, targets: { tags: ['env=staging'] } } } })
})

test('any path is read as it was found', () => {
  const path = fc.oneof(
    fc.string({ minLength: 1, maxLength: 40 }),
    fc.string({ unit: fc.constantFrom('$', '{', '"', ':', ' ', '#', "'", '\\') }),
  )
  fc.assert(
    fc.property(path, path, (one, two) => {
      const paths = [`./${one}`, `./${two}`]
      const steps = [
        { name: 'a', apply: paths },
        { name: 'b', chart: `./${one}` },
      ]
      expect(sourcesIn(draftOf('x', steps))).toEqual([
        { kind: 'apply', paths },
        { kind: 'helm', chart: `./${one}`, values: [] },
      ])
    }),
  )
})

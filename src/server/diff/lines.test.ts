import fc from 'fast-check'
import { expect, test } from 'vitest'
import { unifiedDiff } from './lines.ts'

test('a change is shown with three lines around it, under its place', () => {
  const a = Array.from({ length: 20 }, (_, at) => `line ${at + 1}`)
  const b = a.with(9, 'changed')
  expect(unifiedDiff(a.join('\n'), b.join('\n'))).toEqual([
    '@@ -7,7 +7,7 @@',
    ' line 7',
    ' line 8',
    ' line 9',
    '-line 10',
    '+changed',
    ' line 11',
    ' line 12',
    ' line 13',
  ])
})

test('what is only on one side is that side', () => {
  expect(unifiedDiff('', 'a\nb\n')).toEqual(['@@ -0,0 +1,2 @@', '+a', '+b'])
  expect(unifiedDiff('a\n', '')).toEqual(['@@ -1,1 +0,0 @@', '-a'])
})

/** What `patch` would do. */
const patched = (a: readonly string[], diff: readonly string[]): string[] => {
  const result: string[] = []
  let at = 0
  for (const line of diff) {
    const head = /^@@ -(\d+),(\d+) /.exec(line)
    if (head !== null) {
      const start = Number(head[2]) === 0 ? Number(head[1]) : Number(head[1]) - 1
      result.push(...a.slice(at, start))
      at = start
    } else {
      if (line[0] !== '+') expect(a[at]).toBe(line.slice(1))
      if (line[0] !== '-') result.push(line.slice(1))
      if (line[0] !== '+') at++
    }
  }
  return [...result, ...a.slice(at)]
}

const lines = fc.array(fc.constantFrom('a', 'b', 'c', '- d', ''), { maxLength: 40 }).map((all) => [...all, 'end'])

test('applied to the one, it makes the other', () => {
  fc.assert(
    fc.property(lines, lines, (a, b) => {
      const diff = unifiedDiff(a.join('\n'), b.join('\n'))
      expect(patched(a, diff)).toEqual(b)
      if (a.join('\n') === b.join('\n')) expect(diff).toEqual([])
    }),
  )
})

test('two long texts that have nothing in common are one replacement', () => {
  const [a, b] = ['a', 'b'].map((name) => Array.from({ length: 900 }, (_, at) => `${name}${at}`))
  expect(patched(a ?? [], unifiedDiff((a ?? []).join('\n'), (b ?? []).join('\n')))).toEqual(b)
})

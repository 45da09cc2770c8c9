import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { graceNames, gracesSchema, graceTable } from './graces.ts'

test('the page of graces says what the table says, and nothing else', () => {
  const page = readFileSync(new URL('../../docs/reference/graces.md', import.meta.url), 'utf8')
  const rows = graceNames.map((name) => {
    const { usual, unit, about } = graceTable[name]
    return `| \`${name}\` | ${usual}${unit === 's' ? ' s' : ''} | ${about} |`
  })
  const [graces = ''] = page.split('## Deadlines of single phases')
  expect(graces.split('\n').filter((line) => /^\| `\w+` \| \d/.test(line))).toEqual(rows)
})

test.each([[{ imagePull: -1 }], [{ imagePull: 3601 }], [{ restarts: 1.5 }], [{ noActivity: 0 }], [{ pull: 3 }]])(
  '%j is refused',
  (graces) => {
    expect(gracesSchema.safeParse(graces).success).toBe(false)
  },
)

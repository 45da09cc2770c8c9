import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findInBlock, linesOf, openBlock, packBlock } from './logblock.ts'
import type { NewLogLine } from './types.ts'

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.constantFrom('', '\n', '\ud800', 'aAa', '"\\'))
const anyLines = fc.array(
  fc.record({ at: fc.nat(3), stream: fc.constantFrom('stdout' as const, 'stderr' as const, 'system' as const), text: anyText }),
  { minLength: 1, maxLength: 60 },
)

describe('a block of a log', () => {
  test('gives back the lines it was made of', async () => {
    await fc.assert(
      fc.asyncProperty(anyLines, async (lines) => {
        expect(linesOf(await openBlock(packBlock(lines)))).toEqual(lines)
      }),
    )
  })
  test('finds what a look at each line finds', async () => {
    await fc.assert(
      fc.asyncProperty(anyLines, fc.constantFrom('a', 'A', 'aa', '"', 'é', ' '), fc.boolean(), async (lines, text, ignoreCase) => {
        const block = await openBlock(packBlock(lines))
        const folded = (of: string): string => (ignoreCase ? of.toLowerCase() : of)
        const expected = lines.flatMap((line, index) => (folded(line.text).includes(folded(text)) ? [index] : []))
        expect(findInBlock(block, { text, ignoreCase })).toEqual(expected)
      }),
    )
  })
  test('is compressed when it is large', async () => {
    const lines = Array.from({ length: 800 }, (_, index): NewLogLine => ({ at: 1, stream: 'stdout', text: `line ${index} of the log` }))
    const { field, data } = packBlock(lines)
    expect(field).toBe('z')
    expect(data.length).toBeLessThan(6000)
  })
  test('that is damaged is an error', async () => {
    await expect(openBlock({ field: 'z', data: Buffer.from('x') })).rejects.toMatchObject({ code: 'internal' })
    await expect(openBlock({ field: 'd', data: Buffer.from('x') })).rejects.toMatchObject({ code: 'internal' })
  })
})

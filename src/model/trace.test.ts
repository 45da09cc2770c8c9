import { expect, test } from 'vitest'
import { readTraceparent } from './trace.ts'

const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const span = '00f067aa0ba902b7'

test.each([
  [`00-${trace}-${span}-01`, true],
  [`00-${trace}-${span}-00`, false],
  [`cc-${trace}-${span}-03-of-later`, true],
])('%s is read', (header, sampled) => {
  expect(readTraceparent(header)).toEqual({ traceId: trace, spanId: span, sampled })
})

test.each([
  [undefined],
  [''],
  [`ff-${trace}-${span}-01`],
  [`00-${'0'.repeat(32)}-${span}-01`],
  [`00-${trace}-${'0'.repeat(16)}-01`],
  [`00-${trace.toUpperCase()}-${span}-01`],
  [`00-${trace}-${span}`],
  ['rubbish'],
])('%s is as if it was not there', (header) => {
  expect(readTraceparent(header)).toBeUndefined()
})

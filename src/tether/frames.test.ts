import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createDecoder, encodeFrame, type FrameName, frameTypes, maxPayload } from './frames.ts'

interface Vector {
  readonly name: string
  readonly bytes: string
}
interface ValidVector extends Vector {
  readonly type: number
  readonly channel: number
  readonly sequence: number
  readonly payload: string
}

/** The same vectors hold for the shim: containers/shim/frame_test.go reads them, too. */
const vectors = JSON.parse(readFileSync(new URL('../../tests/fixtures/tether/frames.json', import.meta.url), 'utf8')) as {
  readonly valid: readonly ValidVector[]
  readonly invalid: readonly Vector[]
  readonly truncated: readonly Vector[]
}
const nameOf = (type: number): FrameName => Object.entries(frameTypes).find(([, number]) => number === type)?.[0] as FrameName

test.each(vectors.valid)('$name is written and read as the vector says', ({ type, channel, sequence, payload, bytes }) => {
  const frame = { type: nameOf(type), channel, sequence, payload: Buffer.from(payload, 'hex') }
  expect(encodeFrame(frame).toString('hex')).toBe(bytes)
  const decoder = createDecoder()
  expect([...decoder.push(Buffer.from(bytes, 'hex'))]).toEqual([frame])
  expect(decoder.clean).toBe(true)
})

test('every type has a vector', () => {
  expect(new Set(vectors.valid.map(({ type }) => type))).toEqual(new Set(Object.values(frameTypes)))
})

test.each(vectors.invalid)('$name ends the decoding', ({ bytes }) => {
  expect(() => [...createDecoder().push(Buffer.from(bytes, 'hex'))]).toThrow(expect.objectContaining({ code: 'tether_protocol' }))
})

test.each(vectors.truncated)('a stream that ends $name is not clean', ({ bytes }) => {
  const decoder = createDecoder()
  expect([...decoder.push(Buffer.from(bytes, 'hex'))]).toEqual([])
  expect(decoder.clean).toBe(false)
})

test('a payload that is too long is never written', () => {
  expect(() => encodeFrame({ type: 'data', channel: 3, sequence: 1, payload: Buffer.alloc(maxPayload + 1) })).toThrow(/131073 bytes/)
})

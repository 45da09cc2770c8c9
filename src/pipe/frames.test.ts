import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeFrames, encodeFrame, type Frame, type FrameName } from './frames.ts'

const u32 = fc.integer({ min: 0, max: 0xffffffff })
const payloadOf: Readonly<Record<FrameName, fc.Arbitrary<Uint8Array>>> = {
  open: fc.uint8Array({ minLength: 2, maxLength: 4096 }),
  accepted: fc.constant(new Uint8Array()),
  opened: fc.constant(new Uint8Array()),
  data: fc.uint8Array({ minLength: 1, maxLength: 5000 }),
  credit: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  end: fc.constant(new Uint8Array()),
  reset: fc.uint8Array({ minLength: 2, maxLength: 4096 }),
}
const frame: fc.Arbitrary<Frame> = fc
  .constantFrom(...(Object.keys(payloadOf) as FrameName[]))
  .chain((type) => fc.record({ type: fc.constant(type), pipe: u32, payload: payloadOf[type].map((bytes) => Buffer.from(bytes)) }))

test('what is put into a letter comes out of it', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 20 }), (frames) => {
      const letter = Buffer.concat(frames.map(({ type, pipe, payload }) => encodeFrame(type, pipe, payload)))
      expect(decodeFrames(letter)).toEqual(frames)
    }),
  )
})

test('a letter that was cut, or changed, or is anything, gives frames or is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        for (const { payload } of decodeFrames(Buffer.from(bytes))) expect(payload.length).toBeLessThanOrEqual(bytes.length)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
    }),
  )
  const whole = encodeFrame('data', 7, Buffer.from('bytes'))
  for (let length = 1; length < whole.length; length++) expect(() => decodeFrames(whole.subarray(0, length))).toThrow(RangeError)
})

test('a payload of another length than its type may have is refused', () => {
  for (const [type, length] of [
    ['credit', 3],
    ['open', 4097],
    ['data', 64 * 1024 + 1],
    ['end', 1],
  ] as const)
    expect(() => decodeFrames(encodeFrame(type, 1, Buffer.alloc(length)))).toThrow(RangeError)
})

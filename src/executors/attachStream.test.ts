import { Duplex, PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AttachStream } from './attachStream.ts'

const frame = (kind: number, payload: string | Buffer): Buffer => {
  const bytes = Buffer.from(payload)
  const header = Buffer.alloc(8)
  header.writeUInt8(kind, 0)
  header.writeUInt32BE(bytes.length, 4)
  return Buffer.concat([header, bytes])
}

const engine = () => {
  const toContainer = new PassThrough()
  const fromContainer = new PassThrough({ highWaterMark: 1024 })
  const socket = Duplex.from({ readable: fromContainer, writable: toContainer })
  return { toContainer, fromContainer, stream: new AttachStream(socket) }
}

const endOf = (stream: Duplex): Promise<unknown> =>
  new Promise((resolve) => {
    stream.on('error', resolve)
    stream.on('end', () => resolve('end'))
    stream.resume()
  })

describe('AttachStream', () => {
  test('gives back the bytes of standard output for any cut of the engine stream', async () => {
    const kinds = fc.constantFrom(0, 1)
    const frames = fc.array(fc.tuple(kinds, fc.uint8Array({ maxLength: 300 })), { maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }), async (sent, cuts) => {
        const wire = Buffer.concat(sent.map(([kind, bytes]) => frame(kind, Buffer.from(bytes))))
        const { fromContainer, stream } = engine()
        const received = buffer(stream)
        for (let at = 0, turn = 0; at < wire.length; turn += 1) {
          const next = at + (cuts[turn % cuts.length] ?? 1)
          fromContainer.write(wire.subarray(at, next))
          at = next
        }
        fromContainer.end()
        expect((await received).equals(Buffer.concat(sent.map(([, bytes]) => bytes)))).toBe(true)
      }),
      { numRuns: 100 },
    )
  })

  test('takes many tiny frames in one piece', async () => {
    const { fromContainer, stream } = engine()
    const received = buffer(stream)
    fromContainer.end(Buffer.concat(Array.from({ length: 50_000 }, () => frame(1, 'x'))))
    expect((await received).length).toBe(50_000)
  })

  test('holds the engine back while nobody reads', async () => {
    const { fromContainer, stream } = engine()
    const big = frame(1, Buffer.alloc(64 * 1024))
    let writes = 0
    while (fromContainer.write(big) && writes < 1000) writes += 1
    await new Promise((resolve) => setImmediate(resolve))
    for (let turn = 0; turn < 100; turn += 1) {
      fromContainer.write(big)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(stream.readableLength).toBeLessThan(1024 * 1024)
    stream.destroy()
  })

  test('writes to the container and passes its end on', async () => {
    const { toContainer, stream } = engine()
    const received = buffer(toContainer)
    stream.write('a')
    stream.write('b')
    stream.end('c')
    expect((await received).toString()).toBe('abc')
  })

  test('makes what the shim wrote to standard error the error, its last 4 KiB', async () => {
    const { fromContainer, stream } = engine()
    const ended = endOf(stream)
    fromContainer.write(frame(1, 'out'))
    fromContainer.write(frame(2, 'y'.repeat(10_000)))
    fromContainer.end(frame(2, 'panic: gone'))
    const error = (await ended) as Error & { code: string }
    expect(error.code).toBe('tether_cut')
    expect(error.message).toContain('panic: gone')
    expect(error.message.length).toBeLessThan(4200)
  })

  test.each([4, 8, 10])('an end after %i bytes of a frame is a cut, not an end', async (bytes) => {
    const { fromContainer, stream } = engine()
    const ended = endOf(stream)
    fromContainer.end(frame(1, 'hello').subarray(0, bytes))
    expect(await ended).toMatchObject({ code: 'tether_cut' })
  })

  test.each([
    ['an unknown stream', Buffer.from([7, 0, 0, 0, 0, 0, 0, 1, 65])],
    ['a length beyond all bounds', Buffer.from([1, 0, 0, 0, 255, 255, 255, 255])],
  ])('%s is no attach stream', async (_name, wire) => {
    const { fromContainer, stream } = engine()
    const ended = endOf(stream)
    fromContainer.write(wire)
    expect(await ended).toMatchObject({ code: 'tether_protocol' })
  })
})

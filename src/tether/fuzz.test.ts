import { createHash, randomInt } from 'node:crypto'
import { Duplex } from 'node:stream'
import { expect, test, vi } from 'vitest'
import type { TelpherError } from '../model/errors.ts'
import { createDecoder, encodeFrame, type Frame, type FrameName, frameTypes } from './frames.ts'
import { openTether } from './session.ts'

/** Long runs are `npm run soak`; here a short one with a seed that can be repeated. */
const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31))
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 2)
vi.setConfig({ testTimeout: seconds * 1000 + 20_000 })

/** A stream of random bytes that depends on the seed alone. */
const createRandom = (name: string): { below(limit: number): number; bytes(length: number): Buffer } => {
  let block = Buffer.alloc(0)
  let count = 0
  const take = (length: number): Buffer => {
    while (block.length < length) block = Buffer.concat([block, createHash('sha512').update(`${seed} ${name} ${count++}`).digest()])
    const taken = block.subarray(0, length)
    block = block.subarray(length)
    return taken
  }
  return { below: (limit) => take(6).readUIntBE(0, 6) % limit, bytes: take }
}
type Random = ReturnType<typeof createRandom>

const names = Object.keys(frameTypes) as FrameName[]
const lengths: Partial<Record<FrameName, readonly [least: number, most: number]>> = {
  ...{ open: [0, 0], close: [1, 1], signal: [1, 1], credit: [4, 4], ack: [4, 4], ping: [0, 8], pong: [0, 8], files: [0, 700] },
}

const randomFrame = (random: Random, sequence: number): Frame => {
  const type = names[random.below(names.length)] ?? 'data'
  const [least, most] = lengths[type] ?? [2, 700]
  return { type, channel: random.below(8), sequence, payload: random.bytes(least + random.below(most - least + 1)) }
}

const inPieces = (random: Random, bytes: Buffer): Buffer[] => {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(40)
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}

/** Does it for the time given; a long run says how often. */
const forAWhile = async (work: (round: number) => void | Promise<void>): Promise<number> => {
  const end = performance.now() + seconds * 1000
  let round = 0
  for (; performance.now() < end; round++) {
    try {
      await work(round)
    } catch (error) {
      throw new Error(`FUZZ_SEED=${seed}, round ${round}`, { cause: error })
    }
  }
  if (seconds > 60) console.info(`${round} rounds, FUZZ_SEED=${seed}`)
  return round
}

test('frames come out as they went in, wherever their bytes were cut', async () => {
  const random = createRandom('round trip')
  const rounds = await forAWhile(() => {
    const frames = Array.from({ length: 1 + random.below(6) }, (_, index) => randomFrame(random, index + 1))
    const decoder = createDecoder()
    const found = inPieces(random, Buffer.concat(frames.map(encodeFrame))).flatMap((piece) =>
      [...decoder.push(piece)].map((frame) => ({ ...frame, payload: Buffer.from(frame.payload) })),
    )
    expect(found).toEqual(frames)
    expect(decoder.clean).toBe(true)
  })
  expect(rounds).toBeGreaterThan(10)
})

test('bytes that were changed give frames or tether_protocol, and nothing else', async () => {
  const random = createRandom('mutation')
  await forAWhile(() => {
    const bytes = Buffer.concat([randomFrame(random, 1), randomFrame(random, 2)].map(encodeFrame))
    for (let change = random.below(4); change >= 0; change--) bytes[random.below(bytes.length)] = random.below(256)
    const decoder = createDecoder()
    try {
      for (const piece of inPieces(random, bytes)) for (const frame of decoder.push(piece)) expect(names).toContain(frame.type)
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'tether_protocol' })
    }
  })
})

/** The two ends of a stream in memory. */
const pair = (): { ours: Duplex; theirs: Duplex } => {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        other().push(chunk)
        done()
      },
      final(done) {
        other().push(null)
        done()
      },
    })
  const ours: Duplex = make(() => theirs)
  const theirs: Duplex = make(() => ours)
  ours.on('error', () => {})
  theirs.on('error', () => {})
  return { ours, theirs }
}

const ready = (sequence: number): Frame => ({
  type: 'ready',
  channel: 0,
  sequence,
  payload: Buffer.from(JSON.stringify({ version: 1, port: 1234 })),
})

test('no random frames, and no cut, ever make a job that has ended well', async () => {
  const random = createRandom('session')
  await forAWhile(async () => {
    const { ours, theirs } = pair()
    const tether = openTether(ours, { onOutput: () => {}, onConnection: (connection) => connection.on('error', () => {}) })
    theirs.resume()
    theirs.write(encodeFrame(ready(1)))
    await tether.ready
    const ended = tether.run({ argv: ['x'], env: {}, cwd: '/' }).then(
      () => 'success',
      (thrown: unknown) => thrown,
    )
    for (let sequence = 2; sequence < 2 + random.below(12); sequence++) theirs.write(encodeFrame(randomFrame(random, sequence)))
    theirs.end()
    const outcome = await ended
    expect(outcome).not.toBe('success')
    expect((outcome as TelpherError).code).toMatch(/^tether_|^job_not_started$/)
  })
})

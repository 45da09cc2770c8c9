import type { Duplex } from 'node:stream'
import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { type Fate, fakeMail } from '../../tests/support/fake-mail.ts'
import { TelpherError } from '../model/errors.ts'
import type { PipeLetter, PipeMail } from '../model/pipe.ts'
import { decodeFrames } from './frames.ts'
import { type Carrier, createDialer, createEndpoint, createLine, type Endpoint } from './index.ts'

const channelWindow = 256 * 1024
/** Long runs are `npm run soak`; what fails prints the seed that repeats it. */
const numRuns = Number(process.env['PIPE_RUNS'] ?? 25)
vi.setConfig({ testTimeout: 20_000 + numRuns * 1000 })
const endpoints: Endpoint[] = []
afterEach(async () => {
  await Promise.all(endpoints.splice(0).map((endpoint) => endpoint.close()))
})

interface Ends {
  readonly open: () => Duplex
  /** The worker's ends of what was opened. */
  readonly carried: Duplex[]
  /** Bytes of data frames, by who sent them. */
  readonly sent: Map<string, number>
  readonly server: Endpoint
  readonly worker: Endpoint
}

const counting = (mail: PipeMail, sent: Map<string, number>): PipeMail => ({
  ...mail,
  send(to, letter: PipeLetter) {
    const bytes = decodeFrames(letter.bytes).reduce((sum, { type, payload }) => sum + (type === 'data' ? payload.length : 0), 0)
    sent.set(letter.from, (sent.get(letter.from) ?? 0) + bytes)
    return mail.send(to, letter)
  },
})

const begin = async (fate?: () => Fate, carriers: Carrier[] = [{ id: 'worker', isDraining: false }], maxPipes = 10): Promise<Ends> => {
  const sent = new Map<string, number>()
  const mail = counting(fakeMail(fate), sent)
  const carried: Duplex[] = []
  const worker = createEndpoint({
    id: 'worker',
    mail,
    maxPipes,
    lookMs: 2,
    log: () => {},
    onOpen(_, end) {
      const line = createLine()
      line.connection.on('error', () => {})
      line.attach(end)
      end.accepted()
      end.opened()
      line.start()
      carried.push(line.connection)
      return line.events
    },
  })
  const server = createEndpoint({ id: 'server', mail, lookMs: 2, log: () => {} })
  endpoints.push(server, worker)
  await Promise.all([server.ready, worker.ready])
  const dial = createDialer({ endpoint: server, pool: 'p', carriers: async () => carriers, searchMs: 500 })
  const open = (): Duplex => dial({ target: 't', server: 'https://t' }).on('error', () => {})
  return { open, carried, sent, server, worker }
}

const until = async (is: () => boolean): Promise<void> => {
  const end = performance.now() + 10_000
  while (!is()) {
    if (performance.now() > end) throw new Error('it did not happen')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Byte n of what is sent tells where it belongs. */
const bytesAt = (from: number, length: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, index) => ((from + index) * 31) & 0xff))

/** Writes pieces as the stream takes them, then ends it. */
const write = async (to: Duplex, sizes: readonly number[]): Promise<void> => {
  let at = 0
  for (const size of sizes) {
    if (to.destroyed) return
    const bytes = bytesAt(at, size)
    at += size
    await new Promise<void>((resolve) => to.write(bytes, () => resolve()))
  }
  to.end()
}

/** Reads to the end, or until it breaks. @returns how many bytes came, each of them the right one */
const read = async (
  from: Duplex,
  pauses: readonly number[],
  onRead: (bytes: number) => void,
): Promise<{ bytes: number; whole: boolean }> => {
  let bytes = 0
  let count = 0
  try {
    for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      expect(chunk.equals(bytesAt(bytes, chunk.length))).toBe(true)
      bytes += chunk.length
      onRead(bytes)
      for (let turn = pauses[count++ % pauses.length] ?? 0; turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve))
    }
    return { bytes, whole: true }
  } catch (error) {
    expect(error).toMatchObject({ name: 'TelpherError', code: 'pipe_cut' })
    return { bytes, whole: false }
  }
}

const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 200_000 })), { maxLength: 12 })
const pauses = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 5 })

test('whatever is written and however slowly it is read: it comes whole, and no end is ahead of a reader by more than a window', async () => {
  await fc.assert(
    fc.asyncProperty(sizes, sizes, pauses, pauses, async (toWorker, toServer, slow, slower) => {
      const { open, carried, sent } = await begin()
      const near = open()
      await until(() => carried.length === 1)
      const far = carried[0] as Duplex
      const ahead = (from: string) => (bytes: number) => expect((sent.get(from) ?? 0) - bytes).toBeLessThanOrEqual(channelWindow)
      const [, , came, went] = await Promise.all([
        write(near, toWorker),
        write(far, toServer),
        read(near, slow, ahead('worker')),
        read(far, slower, ahead('server')),
      ])
      const sum = (all: readonly number[]): number => all.reduce((total, size) => total + size, 0)
      expect([came, went]).toEqual([
        { bytes: sum(toServer), whole: true },
        { bytes: sum(toWorker), whole: true },
      ])
      await Promise.all(endpoints.splice(0).map((endpoint) => endpoint.close()))
    }),
    { numRuns },
  )
})

const fates = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.constant<Fate>('comes') },
    { weight: 3, arbitrary: fc.constant<Fate>('comes twice') },
    { weight: 1, arbitrary: fc.constantFrom<Fate>('is lost', 'is refused', 'comes, unknown to its sender') },
  ),
  { minLength: 5, maxLength: 60 },
)

test('letters that come twice, are lost, refused, or unknown to their sender: both ends know, and no byte is ever another one', async () => {
  let broken = 0
  await fc.assert(
    fc.asyncProperty(fates, sizes, async (planned, toServer) => {
      let n = 0
      let isLost = false
      let isOpen = false
      const { open, carried, server, worker } = await begin(() => {
        const what = (isOpen ? planned[n++] : undefined) ?? 'comes'
        isLost ||= what !== 'comes' && what !== 'comes twice'
        return what
      })
      const near = open()
      await until(() => carried.length === 1)
      isOpen = true
      const far = carried[0] as Duplex
      far.resume()
      const reading = read(near, [0], () => {})
      await Promise.all([write(near, [10]), write(far, toServer)])
      const { bytes, whole } = await reading
      if (whole) expect(bytes).toBe(toServer.reduce((total, size) => total + size, 0))
      else {
        broken++
        expect(isLost).toBe(true)
      }
      near.destroy()
      // Nothing is left of it at either end, whatever was lost.
      await until(() => server.count() === 0 && worker.count() === 0)
      await Promise.all(endpoints.splice(0).map((endpoint) => endpoint.close()))
    }),
    {
      numRuns,
      timeout: 15_000,
      examples: [
        [Array<Fate>(5).fill('is lost'), [200_000, 200_000]],
        // The last of what was sent, and the first by which that would be seen.
        [['comes', 'is lost', 'comes', 'is lost'], []],
      ],
    },
  )
  expect(broken).toBeGreaterThan(0)
})

test('a worker that is full refuses, and when no other is there it is said', async () => {
  const { open, carried, worker } = await begin(
    undefined,
    [
      { id: 'gone', isDraining: false },
      { id: 'worker', isDraining: true },
    ],
    1,
  )
  const near = open()
  await until(() => carried.length === 1)
  expect(worker.count()).toBe(1)
  const error = await new Promise<Error>((resolve) => open().once('error', resolve))
  expect(error).toBeInstanceOf(TelpherError)
  expect(error).toMatchObject({
    code: 'pipe_no_worker',
    message: expect.stringMatching(/^none of 2 workers of pool p answers \(.*\); nothing was sent$/),
  })
  near.destroy()
})

test('without a worker it is said in time, and one that comes meanwhile is found', async () => {
  const carriers: Carrier[] = []
  const { open, carried } = await begin(undefined, carriers)
  const near = open()
  const error = await new Promise<Error>((resolve) => near.once('error', resolve))
  expect(error).toMatchObject({ code: 'pipe_no_worker', message: 'no worker of pool p is heard; nothing was sent' })
  const late = open()
  carriers.push({ id: 'worker', isDraining: false })
  late.write('bytes')
  await until(() => carried.length === 1)
  expect(String(await new Promise((resolve) => carried[0]?.once('data', resolve)))).toBe('bytes')
  late.destroy()
})

test('one that is given up while a worker is looked for is not opened', async () => {
  const carriers: Carrier[] = []
  const { open, carried, server } = await begin(undefined, carriers)
  const near = open()
  near.destroy()
  carriers.push({ id: 'worker', isDraining: false })
  const other = open()
  await until(() => carried.length === 1)
  other.destroy()
  await until(() => server.count() === 0)
  expect(carried.length).toBe(1)
})

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type ExecutorUnderTest, open, Received, runJob, shell, specFor } from './executor-run.ts'

const mebibyte = 1024 * 1024

/** What `seq 1 n` prints, cut at so many bytes: 100 MB in which every byte has one right place. */
const counted = (bytes: number): Received => {
  const received = new Received()
  for (let number = 1; received.bytes < bytes; ) {
    let text = ''
    for (const last = number + 10_000; number < last; number += 1) text += `${number}\n`
    received.push(Buffer.from(text.slice(0, bytes - received.bytes)))
  }
  return received
}

const zeros = (bytes: number): Received => {
  const received = new Received()
  const piece = Buffer.alloc(mebibyte)
  while (received.bytes < bytes) received.push(piece.subarray(0, bytes - received.bytes))
  return received
}

/**
 * What every executor promises (DESIGN section 10), whatever it starts the shim in: bytes, ends, faults, and that nothing stays behind.
 * @param begin brings the executor up once for the suite
 */
export const executorContract = (name: string, begin: () => Promise<ExecutorUnderTest>): void => {
  describe(`executor: ${name}`, () => {
    let under: ExecutorUnderTest
    beforeAll(async () => {
      under = await begin()
    })
    afterAll(() => under?.close())

    const job = (script: string, env: Readonly<Record<string, string>> = {}) => runJob(under, specFor(under, 'job'), shell(script), env)
    const nothingLeft = (run: string) => eventually(async () => (await under.leftovers(run)).length === 0)

    test('answers the probe', async () => {
      await under.executor.probe()
    })

    describe('output', () => {
      test('100 MB arrive whole and in order', async () => {
        const bytes = 100 * mebibyte
        const { exit, stdout } = await job(`seq 1 20000000 | head -c ${bytes}`)
        const expected = counted(bytes)
        expect(exit.code).toBe(0)
        expect(stdout.bytes).toBe(bytes)
        expect(stdout.sha256).toBe(expected.sha256)
      })

      test('1 GB without a newline arrives whole, in bounded memory', async () => {
        const bytes = 1024 * mebibyte
        const before = process.memoryUsage().rss
        let highest = 0
        const watch = setInterval(() => {
          highest = Math.max(highest, process.memoryUsage().rss)
        }, 50)
        const { exit, stdout } = await job(`head -c ${bytes} /dev/zero`).finally(() => clearInterval(watch))
        expect(exit.code).toBe(0)
        expect(stdout.bytes).toBe(bytes)
        expect(stdout.sha256).toBe(zeros(bytes).sha256)
        expect(highest - before).toBeLessThan(256 * mebibyte)
      })

      test('lines of 1 B to 1 MB stay as they are', async () => {
        const sizes = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]
        const { stdout } = await job(`for n in ${sizes.join(' ')}; do head -c $n /dev/zero | tr '\\0' x; echo; done`)
        expect(stdout.text.split('\n').map((line) => line.length)).toEqual([...sizes, 0])
      })

      test('a character that is written in two halves is not changed', async () => {
        const { stdout } = await job(
          `for n in 1 2 3; do printf '\\303'; sleep 0.02; printf '\\251\\360\\237'; sleep 0.02; printf '\\232\\207'; done`,
        )
        expect(stdout.text).toBe('é🚇é🚇é🚇')
      })

      test('the two streams stay apart and each in order', async () => {
        const { stdout, stderr } = await job('for n in $(seq 1 2000); do echo $n; echo e$n >&2; done')
        const numbers = Array.from({ length: 2000 }, (_, index) => index + 1)
        expect(stdout.text).toBe(numbers.map((number) => `${number}\n`).join(''))
        expect(stderr.text).toBe(numbers.map((number) => `e${number}\n`).join(''))
      })

      test('no output at all is empty output', async () => {
        const { exit, stdout, stderr } = await job('true')
        expect([exit.code, stdout.bytes, stderr.bytes]).toEqual([0, 0, 0])
      })
    })

    describe('ends', () => {
      test.each([0, 1, 137])('exit code %i comes back', async (code) => {
        const { exit } = await job(`exit ${code}`)
        expect(exit).toMatchObject({ code, oom: false })
      })

      test.each(['KILL', 'SEGV'])('a job that dies of SIG%s is not a success', async (signal) => {
        const { exit } = await job(`kill -${signal} $$`)
        expect(exit.signal).toBe(`SIG${signal}`)
        expect(exit.code).not.toBe(0)
      })

      test('a signal reaches the job, which may answer', async () => {
        const running = await open(under, specFor(under, 'signal'))
        const ended = running.run(shell(`trap 'echo got; exit 3' TERM; echo up; while :; do sleep 0.05; done`))
        await eventually(() => running.stdout.text.includes('up'))
        running.tether.signal('SIGTERM')
        const exit = await ended
        expect(exit.code).toBe(3)
        expect(running.stdout.text).toBe('up\ngot\n')
        await running.container.kill()
      })

      test('a job that ignores TERM is ended by KILL, its children too', async () => {
        const running = await open(under, specFor(under, 'stubborn'))
        const ended = running.run(shell(`trap '' TERM; sleep 1000 & echo up; while :; do sleep 0.05; done`))
        await eventually(() => running.stdout.text.includes('up'))
        running.tether.signal('SIGTERM')
        running.tether.signal('SIGKILL')
        expect((await ended).signal).toBe('SIGKILL')
        running.tether.destroy()
        await running.container.exited
        await nothingLeft('stubborn')
      })

      test('a program that is not there is an error that names it', async () => {
        await expect(runJob(under, specFor(under, 'job'), ['no-such-program'])).rejects.toMatchObject({
          code: 'job_not_started',
          message: expect.stringContaining('no-such-program'),
        })
      })

      test('an image that is not there is an error that names it', async () => {
        const spec = specFor(under, 'image', { image: 'telpher-test/no-such-image:0' })
        await expect(under.executor.start(spec)).rejects.toMatchObject({
          code: 'image_missing',
          message: expect.stringContaining('telpher-test/no-such-image:0'),
        })
        expect(await under.leftovers('image')).toEqual([])
      })
    })

    describe('cancellation', () => {
      test('before the start: nothing is started', async () => {
        await expect(under.executor.start(specFor(under, 'early'), AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' })
        expect(await under.leftovers('early')).toEqual([])
      })

      test.each([0, 5, 20, 60, 120, 200])('%i ms into the start: nothing is left', async (ms) => {
        const abort = new AbortController()
        const run = `cancel-${ms}`
        const starting = under.executor.start(specFor(under, run), abort.signal)
        const timer = setTimeout(() => abort.abort(), ms)
        // A start may win the race; then the container is the caller's to kill.
        const outcome = await starting.then(
          (container) => container.kill().then(() => 'started'),
          (error: { code: string }) => error.code,
        )
        clearTimeout(timer)
        expect(['started', 'cancelled']).toContain(outcome)
        await nothingLeft(run)
      })

      test('during the run: the run is an error, the container is gone', async () => {
        const running = await open(under, specFor(under, 'kill'))
        const ended = running.run(shell('echo up; sleep 1000')).then(
          () => 'success',
          (error: { code: string }) => error.code,
        )
        await eventually(() => running.stdout.text.includes('up'))
        await Promise.all([running.container.kill(), running.container.kill()])
        expect(await under.leftovers('kill')).toEqual([])
        expect(await ended).toMatch(/^(tether_|container_lost)/)
        expect((await running.container.exited).code).not.toBe(0)
      })
    })

    describe('a broken stream', () => {
      test.each(['before any output', 'after some output', 'after all output'])('%s is an error, never a success', async (when) => {
        const running = await open(under, specFor(under, 'cut'))
        const script = when === 'after all output' ? 'echo up; exec sleep 1000' : 'sleep 0.05; while echo up; do sleep 0.01; done'
        const ended = running.run(shell(script)).then(
          () => 'success',
          (error: { code: string }) => error.code,
        )
        if (when !== 'before any output') await eventually(() => running.stdout.text.includes('up'))
        running.container.stream.destroy()
        expect(await ended).toBe('tether_cut')
        // The shim ends itself and the job when nobody is at the other end.
        await running.container.exited
        await nothingLeft('cut')
      })
    })

    describe('many', () => {
      test('200 runs one after the other leave nothing behind', { timeout: 300_000 }, async () => {
        for (let number = 0; number < 200; number += 1) {
          const { exit, stdout } = await runJob(under, specFor(under, 'sequential'), shell(`echo ${number}; exit ${number % 7}`))
          expect([exit.code, stdout.text]).toEqual([number % 7, `${number}\n`])
        }
        expect(await under.leftovers('sequential')).toEqual([])
      })

      test('30 runs at the same time keep their outputs apart and leave nothing behind', async () => {
        const all = await Promise.all(
          Array.from({ length: 30 }, (_, number) =>
            runJob(under, specFor(under, 'parallel'), shell(`for n in 1 2 3; do echo ${number}; sleep 0.05; done; exit ${number}`)),
          ),
        )
        expect(all.map(({ exit }) => exit.code)).toEqual(Array.from({ length: 30 }, (_, number) => number))
        for (const [number, { stdout }] of all.entries()) expect(stdout.text).toBe(`${number}\n`.repeat(3))
        expect(await under.leftovers('parallel')).toEqual([])
      })
    })

    test('reap removes what carries all the labels and nothing else', async () => {
      const run = randomUUID()
      const mine = { ...specFor(under, run), labels: { ...specFor(under, run).labels, owner: 'mine' } }
      const other = { ...mine, labels: { ...mine.labels, owner: 'other' } }
      const [first, second] = await Promise.all([under.executor.start(mine), under.executor.start(other)])
      expect(await under.executor.reap(mine.labels)).toBe(1)
      await first.exited
      expect((await under.leftovers(run)).length).toBeGreaterThan(0)
      await second.kill()
      expect(await under.leftovers(run)).toEqual([])
      expect(await under.executor.reap(mine.labels)).toBe(0)
    })

    test('reap spares what is to be kept', async () => {
      const run = randomUUID()
      const { labels, ...rest } = specFor(under, run)
      const [held, left] = await Promise.all(
        ['held', 'left'].map((owner) => under.executor.start({ ...rest, labels: { ...labels, owner } })),
      )
      expect(await under.executor.reap(labels, ({ owner }) => owner === 'held')).toBe(1)
      await left?.exited
      expect((await under.leftovers(run)).length).toBeGreaterThan(0)
      await held?.kill()
      expect(await under.leftovers(run)).toEqual([])
    })
  })
}

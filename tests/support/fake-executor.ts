import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Duplex, pipeline, Transform, type TransformCallback } from 'node:stream'
import { TelpherError } from '../../src/model/errors.ts'
import type { Container, ContainerExit, ContainerSpec, Executor } from '../../src/model/ports.ts'
import { createDecoder, encodeFrame } from '../../src/tether/frames.ts'

/*
 * A DOUBLE, for tests only: it runs the real shim as a plain child process on pipes, so the tether and the job are real,
 * but there is no container, no isolation and no limit. Its knobs make the faults that a real engine makes rarely.
 */

export interface FakeKnobs {
  /** What `start` throws. */
  startFails?: TelpherError
  /** After so many bytes from the shim the stream ends, as when the engine dies. */
  cutAfterBytes?: number
  /** The stream ends where the exit record should have come. */
  withoutExitRecord?: boolean
  /** The exit record and the container's end say that memory ran out. */
  outOfMemory?: boolean
  /** Milliseconds that the start and each piece of the stream take longer. */
  slowMs?: number
}

export interface FakeExecutor extends Executor {
  /** May be changed at any time; holds for containers started afterwards. */
  readonly knobs: FakeKnobs
  /** Ids of what runs now with all of these labels. */
  running(labels: Readonly<Record<string, string>>): readonly string[]
}

export interface FakeExecutorOptions {
  readonly shimPath: string
  /** Folder that the files of jobs are unpacked to; it stands for `/work`. */
  readonly root: string
  /** Images that are there; any other is missing. */
  readonly images: readonly string[]
  readonly knobs?: FakeKnobs
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const cancelled = (signal: AbortSignal): TelpherError =>
  new TelpherError('cancelled', 'The start of the container was cancelled', { cause: signal.reason })

export const fakeExecutor = ({ shimPath, root, images, knobs = {} }: FakeExecutorOptions): FakeExecutor => {
  const live = new Map<string, { labels: ContainerSpec['labels']; container: Container }>()
  let count = 0

  const carrying = (labels: Readonly<Record<string, string>>) =>
    [...live.values()].filter((one) => Object.entries(labels).every(([name, value]) => one.labels[name] === value))

  const start: Executor['start'] = async (spec, signal) => {
    if (signal?.aborted) throw cancelled(signal)
    const { startFails, slowMs = 0 } = knobs
    if (startFails !== undefined) throw startFails
    if (!images.includes(spec.image)) {
      throw new TelpherError('image_missing', `The execution image ${spec.image} is not on this host`, { field: 'image' })
    }
    await pause(slowMs)
    const child = spawn(shimPath, ['-root', root], { stdio: ['pipe', 'pipe', 'ignore'], env: {} })
    await once(child, 'spawn').catch((cause: unknown) => {
      throw new TelpherError('container_start', 'The shim did not start', { cause })
    })
    count += 1
    const id = `fake-${count}`
    const container = childContainer(id, child, { ...knobs })
    live.set(id, { labels: spec.labels, container })
    container.exited.finally(() => live.delete(id)).catch(() => undefined)
    if (signal?.aborted) {
      await container.kill()
      throw cancelled(signal)
    }
    return container
  }

  return {
    knobs,
    probe: async () => undefined,
    start,
    reap: async (labels, keep) => {
      const found = carrying(labels).filter((container) => keep?.(container.labels) !== true)
      await Promise.all(found.map(({ container }) => container.kill()))
      return found.length
    },
    running: (labels) => carrying(labels).map(({ container }) => container.id),
  }
}

const childContainer = (id: string, child: ChildProcess, knobs: FakeKnobs): Container => {
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error('the shim has no pipes')
  const readable = pipeline(stdout, faulty(knobs), () => undefined)
  const stream = Duplex.from({ readable, writable: stdin })
  let killed = false
  const exited = once(child, 'close').then(
    ([code]): ContainerExit => ({ code: killed ? 137 : (code as number | null), oomKilled: knobs.outOfMemory === true }),
  )
  // Reading a stream that was given up must not stop the end from being seen.
  stream.on('close', () => stdout.resume())
  stream.on('error', () => undefined)
  return {
    id,
    stream,
    exited,
    kill: async () => {
      killed = killed || child.exitCode === null
      // Without a PID namespace only the shim can end its job, which it does when its input ends.
      stream.destroy()
      stdin.destroy()
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
      await exited.finally(() => clearTimeout(timer))
    },
  }
}

const faulty = ({ cutAfterBytes = Number.POSITIVE_INFINITY, withoutExitRecord, outOfMemory, slowMs = 0 }: FakeKnobs): Transform => {
  const decoder = createDecoder()
  const rewrites = withoutExitRecord === true || outOfMemory === true
  let left = cutAfterBytes
  let over = false
  const change = (chunk: Buffer): Buffer => {
    if (!rewrites) return chunk
    const out: Buffer[] = []
    for (const frame of decoder.push(chunk)) {
      if (frame.type === 'exit' && withoutExitRecord) over = true
      if (over) break
      out.push(encodeFrame(frame.type === 'exit' ? { ...frame, payload: withoutMemory(frame.payload) } : frame))
    }
    return Buffer.concat(out)
  }
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      const give = () => {
        if (over) return done()
        const bytes = change(chunk).subarray(0, left)
        left -= bytes.length
        this.push(bytes)
        if (left <= 0) over = true
        if (over) this.push(null)
        done()
      }
      if (slowMs === 0) give()
      else setTimeout(give, slowMs)
    },
  })
}

const withoutMemory = (payload: Buffer): Buffer =>
  Buffer.from(JSON.stringify({ ...JSON.parse(payload.toString('utf8')), code: null, signal: 9, oom: true }))

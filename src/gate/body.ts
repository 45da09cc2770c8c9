import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { TelpherError } from '../model/errors.ts'

/** kube-apiserver takes at most 3 MiB (its MaxRequestBodyBytes); what is larger is streamed for it to refuse. */
const mostOfOne = 4 * 1024 * 1024
/** What one attempt may keep in the worker's memory at a time. */
const mostOfAll = 32 * 1024 * 1024

/**
 * Reads a stream to its end, by hand: leaving a for-await loop early would destroy it.
 * @returns undefined when it holds more than `limit` bytes; all of them are still to be read from it then
 * @throws TelpherError target_error when it ends too early, or what it was destroyed with
 */
export const readAtMost = async (stream: Readable, limit: number): Promise<Buffer | undefined> => {
  const chunks: Buffer[] = []
  let size = 0
  for (;;) {
    const chunk = stream.read() as Buffer | null
    if (chunk !== null) {
      chunks.push(chunk)
      size += chunk.length
      if (size <= limit) continue
      stream.unshift(Buffer.concat(chunks))
      return undefined
    }
    if (stream.readableEnded) return Buffer.concat(chunks, size)
    if (stream.errored instanceof TelpherError) throw stream.errored
    if (stream.destroyed)
      throw new TelpherError('target_error', 'the connection broke in the middle of a message', { cause: stream.errored })
    await more(stream)
  }
}

const more = (stream: Readable): Promise<void> =>
  new Promise((resolve) => {
    const go = (): void => {
      stream.off('readable', go).off('end', go).off('error', go).off('close', go)
      resolve()
    }
    stream.on('readable', go).on('end', go).on('error', go).on('close', go)
  })

/** A body in memory, and how its place is given back. */
interface HeldBody {
  /** undefined when it is still to be read from the request. */
  readonly body: Buffer | undefined
  release(): void
}

export interface BodyStore {
  /**
   * Reads a body that may have to be sent twice or looked into.
   * @param needed whether to wait for room rather than leave it in the request
   */
  read(request: IncomingMessage, needed: boolean, signal: AbortSignal): Promise<HeldBody>
}

const nothing: HeldBody = { body: Buffer.alloc(0), release: () => {} }

/** Bodies of one attempt, within a bound. */
export const createBodyStore = (): BodyStore => {
  let used = 0
  const waiting: (() => void)[] = []

  const room = async (size: number, signal: AbortSignal): Promise<void> => {
    while (used + size > mostOfAll) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const abort = (): void => reject(signal.reason)
      waiting.push(resolve)
      signal.addEventListener('abort', abort, { once: true })
      await promise.finally(() => signal.removeEventListener('abort', abort))
    }
  }

  return {
    async read(request, needed, signal) {
      const { 'content-length': said, 'transfer-encoding': encoding } = request.headers
      if (said === undefined && encoding === undefined) return nothing
      const size = said === undefined ? mostOfOne : Number(said)
      const fits = size <= mostOfOne && (needed || used + size <= mostOfAll)
      if (!fits) return { body: undefined, release: () => {} }
      await room(size, signal)
      used += size
      const release = (): void => {
        used -= size
        for (const go of waiting.splice(0)) go()
      }
      try {
        return { body: await readAtMost(request, size), release }
      } catch (thrown) {
        release()
        throw thrown
      }
    },
  }
}

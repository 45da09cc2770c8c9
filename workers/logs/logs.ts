import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { TelpherError } from '../../src/model/errors.ts'
import type { Secret } from '../../src/model/secret.ts'
import { isOutage } from '../../src/store/index.ts'
import type { JobLog, PackedLines } from '../../src/store/types.ts'
import type { FromThread, Question, ToThread } from './messages.ts'

/** With more bytes than this on their way to the store, a program is held back. */
const mostWaiting = 4 * 1024 * 1024
/** How long the thread outlives the last log, in ms: it takes memory that an idle worker need not have. */
const idleMs = 600_000

/** The store has waited for Redis as long as it does: what comes after these lines would be a log with a hole. */
const unwritten = (cause: unknown): TelpherError =>
  new TelpherError('log_unwritten', 'Redis was away for longer than lines of a log are kept for it', { cause })

/** The log of one attempt, on its way into the store. */
export interface AttemptLog {
  /** Raw bytes of the program, in order. A promise holds the program back until it settles; it rejects with what ended the log. */
  output(stream: 'stdout' | 'stderr', chunk: Uint8Array): undefined | Promise<void>
  /** A line of our own. */
  say(text: string): void
  /** Everything that must not be seen from here on, in place of what was said before. */
  hide(secrets: readonly Secret[]): void
  /** The last 16 KiB of standard error, masked, once the program has ended. */
  lastErrors(): Promise<string>
  /** The program has ended: what has no newline yet is a line. */
  ended(): void
  /** Resolves when everything so far is in the store. @throws what kept it from there */
  flush(): Promise<void>
  /** Flushes and tells those who follow that no more comes. */
  end(): Promise<void>
  close(): void
}

/** The logs of a worker's attempts: the work on them is done by one thread, so that this one always answers in time. */
export interface Logs {
  open(log: Pick<JobLog, 'appendPacked' | 'end'>): AttemptLog
  close(): Promise<void>
}

/** What the thread says of one log. */
interface Listener {
  heard(message: FromThread): void
  failed(error: TelpherError): void
}

/** Starts its thread with the first log. @param idle how long it outlives the last one, in ms */
export const createLogs = (idle: number = idleMs): Logs => {
  const listeners = new Map<number, Listener>()
  let thread: Worker | undefined
  let leaving: NodeJS.Timeout | undefined
  let last = 0

  const start = (): Worker => {
    const started = new Worker(new URL(`./thread${extname(import.meta.url)}`, import.meta.url))
    const gone = (why: string): void => {
      // One that was stopped is not missed; one that broke ends after its error once more.
      if (thread !== started) return
      thread = undefined
      for (const listener of listeners.values()) listener.failed(new TelpherError('internal', `the thread of the logs ended: ${why}`))
    }
    started.on('message', (message: FromThread) => listeners.get(message.log)?.heard(message))
    started.on('error', (error) => gone(error instanceof Error ? error.message : String(error)))
    started.on('exit', (code) => gone(`code ${code}`))
    return started
  }
  const tell = (message: ToThread, transfer: readonly ArrayBuffer[] = []): void => {
    thread ??= start()
    thread.postMessage(message, transfer)
  }
  const stop = async (): Promise<void> => {
    const ending = thread
    thread = undefined
    await ending?.terminate()
  }

  return {
    open(log) {
      clearTimeout(leaving)
      thread?.ref()
      const number = ++last
      const { listener, ...attemptLog } = createAttemptLog(number, log, tell)
      listeners.set(number, listener)
      return {
        ...attemptLog,
        close() {
          if (!listeners.delete(number)) return
          if (thread !== undefined) tell({ log: number, type: 'close' })
          if (listeners.size > 0) return
          thread?.unref()
          leaving = setTimeout(() => void stop(), idle).unref()
        },
      }
    },
    async close() {
      clearTimeout(leaving)
      await stop()
    },
  }
}

const createAttemptLog = (
  number: number,
  store: Pick<JobLog, 'appendPacked' | 'end'>,
  tell: (message: ToThread, transfer?: readonly ArrayBuffer[]) => void,
): Omit<AttemptLog, 'close'> & { readonly listener: Listener } => {
  const asked = new Map<number, PromiseWithResolvers<string>>()
  let questions = 0
  let waiting = 0
  const waiters: (() => void)[] = []
  let storing: Promise<void> = Promise.resolve()
  let failure: { readonly error: unknown } | undefined
  let refusal: { readonly error: unknown } | undefined

  const mustWait = (): boolean => waiting > mostWaiting && failure === undefined
  const settle = (): void => {
    if (mustWait()) return
    for (const resolve of waiters.splice(0)) resolve()
  }
  const fail = (error: unknown): void => {
    failure ??= { error }
    for (const { reject } of asked.values()) reject(error)
    asked.clear()
    settle()
  }
  const keep = (blocks: readonly PackedLines[]): void => {
    const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0)
    waiting += bytes
    storing = storing
      .then(() => store.appendPacked(blocks))
      .catch((cause: unknown) => fail(isOutage(cause) ? unwritten(cause) : cause))
      .finally(() => {
        waiting -= bytes
        settle()
      })
  }
  const mustBeWell = (): void => {
    if (failure !== undefined) throw failure.error
  }
  const ask = async (what: Question): Promise<string> => {
    mustBeWell()
    const answer = Promise.withResolvers<string>()
    asked.set(++questions, answer)
    tell({ log: number, type: 'ask', id: questions, what })
    return answer.promise
  }
  const room = async (): Promise<void> => {
    if (mustWait()) await new Promise<void>((resolve) => waiters.push(resolve))
    mustBeWell()
  }
  const flush = async (): Promise<void> => {
    await ask('flush')
    await storing
    mustBeWell()
  }

  return {
    listener: {
      heard(message) {
        if (message.type === 'blocks') keep(message.blocks)
        else if (message.type === 'failed')
          refusal = { error: new TelpherError('internal', `the output cannot be kept: ${message.message}`) }
        else if (message.type === 'taken') {
          waiting -= message.bytes
          settle()
        } else {
          asked.get(message.id)?.resolve(message.errors)
          asked.delete(message.id)
        }
      },
      failed: fail,
    },
    output(stream, chunk) {
      const ended = failure ?? refusal
      if (ended !== undefined) return Promise.reject(ended.error)
      // A chunk is often a part of a larger buffer, which would go along as a whole.
      const bytes = new Uint8Array(chunk)
      waiting += bytes.length
      tell({ log: number, type: 'output', stream, bytes }, [bytes.buffer])
      return mustWait() ? room() : undefined
    },
    say: (text) => tell({ log: number, type: 'say', text, at: Date.now() }),
    hide: (secrets) => tell({ log: number, type: 'hide', secrets: secrets.map((secret) => secret.reveal()) }),
    lastErrors: () => ask('errors'),
    ended: () => tell({ log: number, type: 'ended' }),
    flush,
    async end() {
      await flush()
      await store.end()
    },
  }
}

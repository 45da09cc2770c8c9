import type { LogStream } from '../model/deployment.ts'
import type { JobLog, NewLogLine } from './types.ts'

export interface LogWriter {
  write(stream: LogStream, text: string, at?: number): void
  /** Resolves when what waits for Redis is little enough to write on: who has much to write asks this in between. */
  ready(): Promise<void>
  /** Resolves when everything written so far is in the store. @throws what the store threw for any of it */
  flush(): Promise<void>
  /** Flushes and tells those who follow that no more comes. */
  end(): Promise<void>
}

/**
 * Gathers a job's lines into batches for the store.
 * @param options.maxBytes a batch is sent when it has so many bytes; 64 KiB when absent
 * @param options.maxDelayMs or when its first line is so old; 100 when absent
 * @param options.maxWaitingBytes with more than this not yet stored, `ready` waits; 4 MiB when absent
 */
export const createLogWriter = (
  log: Pick<JobLog, 'append' | 'end'>,
  options: { readonly maxBytes?: number; readonly maxDelayMs?: number; readonly maxWaitingBytes?: number } = {},
): LogWriter => {
  const { maxBytes = 64 * 1024, maxDelayMs = 100, maxWaitingBytes = 4 * 1024 * 1024 } = options
  let batch: NewLogLine[] = []
  let bytes = 0
  let waitingBytes = 0
  let timer: NodeJS.Timeout | undefined
  let last: Promise<void> = Promise.resolve()
  let failure: { readonly error: unknown } | undefined

  const send = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (batch.length === 0) return
    const lines = batch
    const size = bytes
    batch = []
    bytes = 0
    waitingBytes += size
    last = last
      .then(() => log.append(lines))
      .catch((error: unknown) => {
        failure ??= { error }
      })
      .finally(() => {
        waitingBytes -= size
      })
  }
  const flush = async (): Promise<void> => {
    send()
    await last
    if (failure !== undefined) throw failure.error
  }
  return {
    write: (stream, text, at = Date.now()) => {
      batch.push({ stream, text, at })
      bytes += text.length + 1
      if (bytes >= maxBytes) send()
      else timer ??= setTimeout(send, maxDelayMs)
    },
    ready: async () => {
      while (waitingBytes > maxWaitingBytes) await last
    },
    flush,
    end: async () => {
      await flush()
      await log.end()
    },
  }
}

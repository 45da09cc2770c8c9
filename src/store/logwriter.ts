import type { JobLog, NewLogLine } from './types.ts'

export interface LogWriter {
  /** Takes lines; the promise settles at once, or, when much is waiting for Redis, once that was stored. */
  write(lines: readonly NewLogLine[]): Promise<void>
  /** Resolves when everything written so far is in the store. @throws what the store threw for any of it */
  flush(): Promise<void>
}

/**
 * Gathers a job's lines into batches for the store.
 * @param options.maxBytes a batch is sent when it has so many bytes; 64 KiB when absent
 * @param options.maxDelayMs or when its first line is so old; 100 when absent
 * @param options.maxWaitingBytes with more than this not yet stored, writing waits; 4 MiB when absent
 */
export const createLogWriter = (
  log: Pick<JobLog, 'append'>,
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
  return {
    write: async (lines) => {
      for (const line of lines) {
        batch.push(line)
        bytes += line.text.length + 1
        if (bytes >= maxBytes) send()
      }
      if (batch.length > 0) timer ??= setTimeout(send, maxDelayMs)
      if (waitingBytes > maxWaitingBytes) await last
    },
    flush: async () => {
      send()
      await last
      if (failure !== undefined) throw failure.error
    },
  }
}

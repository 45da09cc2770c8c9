import type { LogStream } from '../model/deployment.ts'
import type { NewLogLine } from './types.ts'

export interface LogBatches {
  write(stream: LogStream, text: string, at?: number): void
  /** Gives what waits. */
  flush(): void
}

/**
 * Gathers a job's lines into batches for the store.
 * @param give receives a batch
 * @param options.maxBytes when it has so many bytes; 64 KiB when absent
 * @param options.maxDelayMs or when its first line is so old; 100 when absent
 */
export const createLogBatches = (
  give: (lines: readonly NewLogLine[]) => void,
  options: { readonly maxBytes?: number; readonly maxDelayMs?: number } = {},
): LogBatches => {
  const { maxBytes = 64 * 1024, maxDelayMs = 100 } = options
  let batch: NewLogLine[] = []
  let bytes = 0
  let timer: NodeJS.Timeout | undefined

  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (batch.length === 0) return
    const lines = batch
    batch = []
    bytes = 0
    give(lines)
  }
  return {
    write: (stream, text, at = Date.now()) => {
      batch.push({ stream, text, at })
      bytes += text.length + 1
      if (bytes >= maxBytes) flush()
      else timer ??= setTimeout(flush, maxDelayMs)
    },
    flush,
  }
}

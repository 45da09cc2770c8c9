import type { LogLine, LogStream } from '../../model/deployment.ts'

/** A line on its way into a log: its number comes from the store. */
export interface NewLogLine {
  readonly stream: LogStream
  readonly text: string
  readonly at: number
}

/** A block of lines on its way into a log: a count of lines, their bytes as text, and the block (logblock.ts). */
export interface PackedLines {
  readonly count: number
  readonly bytes: number
  readonly field: 'd' | 'z'
  readonly data: Uint8Array
}

/** Lines that the cap left out of a log, by the numbers of the first and the last. */
export interface LogGap {
  readonly from: number
  readonly to: number
  readonly lines: number
  readonly bytes: number
}

/** What a log has as a whole. */
export interface LogSum {
  /** Lines that were written, those left out among them: the number of the last one. */
  readonly total: number
  readonly bytes: number
  /** Whether no more will come. */
  readonly complete: boolean
  readonly gap?: LogGap
}

export interface LogWindow extends LogSum {
  readonly lines: readonly LogLine[]
  /** The number to ask for next; absent after the last line. */
  readonly next?: number
}

export interface LogSearch extends LogSum {
  /** Lines that hold the text. */
  readonly matches: number
  /** Kept lines that were looked through: `total` without the gap. */
  readonly searched: number
  /** The first of them. */
  readonly lines: readonly LogLine[]
  /** Every block with matches: numbers of its first and last line, and how many of them match. */
  readonly blocks: readonly { readonly from: number; readonly to: number; readonly matches: number }[]
}

export interface JobLog {
  /** Appends a batch; what is repeated after a redis_timeout by the same object is stored once. */
  append(lines: readonly NewLogLine[]): Promise<void>
  /** The same for lines that were packed elsewhere. */
  appendPacked(blocks: readonly PackedLines[]): Promise<void>
  /**
   * Lines after number `after`, with a notice line where the cap left some out.
   * @param options.follow waits for more, until end() or the job's end, or the signal aborts
   */
  read(options: { readonly after?: number; readonly follow: boolean; readonly signal?: AbortSignal }): AsyncIterable<LogLine>
  /**
   * Lines from number `from` on, at most `limit`; with `tail` the last so many instead.
   * @throws TelpherError redis_timeout, redis_unreachable
   */
  window(options: { readonly from?: number; readonly tail?: number; readonly limit: number }): Promise<LogWindow>
  /**
   * Looks through every kept line.
   * @param options.limit of the matches that are given; all are counted
   * @throws TelpherError redis_timeout, redis_unreachable
   */
  search(options: {
    readonly text: string
    readonly ignoreCase: boolean
    readonly limit: number
    readonly signal?: AbortSignal
  }): Promise<LogSearch>
  /** No more lines will come: ends those who follow. */
  end(): Promise<void>
}

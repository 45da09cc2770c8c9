/** What one end of pipes sends another: frames (src/pipe/frames.ts), in order by a number that counts from 1. */
export interface PipeLetter {
  readonly from: string
  readonly n: number
  readonly bytes: Buffer
}

/** How letters go between the ends of one pool's pipes: over Redis (src/store/pipes.ts). Ends are named by ids of processes. */
export interface PipeMail {
  /** @returns false when nobody listens there @throws TelpherError redis_*: it may have been sent */
  send(to: string, letter: PipeLetter): Promise<boolean>
  /**
   * What comes for `id`, in the order in which it was sent; it outlasts cut connections. While it is read, others find `id` listening.
   * @returns letters, at least one a time; `anew` when it begins, and when others did not find it for a while
   */
  listen(id: string, signal: AbortSignal): AsyncGenerator<readonly PipeLetter[] | 'anew'>
  /** Which of them listen. @throws TelpherError redis_* */
  listening(ids: readonly string[]): Promise<ReadonlySet<string>>
}

/** What a worker is asked to connect to; it dials the address only if that is what it knows of the target itself. */
export interface PipeRequest {
  /** Name of a target of the worker's pool. */
  readonly target: string
  /** https:// address of its API server. */
  readonly server: string
}

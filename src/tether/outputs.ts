import { crc32 } from 'node:zlib'
import { TelpherError } from '../model/errors.ts'

/** Credit is given in pieces of this size, in bytes: well below the shim's window of 1 MiB, so that it never waits for the rest. */
const creditPiece = 128 * 1024

export type OutputName = 'stdout' | 'stderr'

/** Takes a chunk of output; a promise holds the job back until it settles. */
export type OnOutput = (stream: OutputName, chunk: Uint8Array) => void | Promise<void>

export interface OutputSum {
  readonly bytes: number
  readonly crc: number
}

export interface Outputs {
  receive(name: OutputName, chunk: Buffer): void
  /** Resolves when every chunk was taken; rejects with what the taker threw. */
  taken(): Promise<void>
  /** @throws TelpherError tether_corrupt when what came is not what the job wrote */
  check(sums: Readonly<Record<OutputName, OutputSum>>): void
}

/**
 * The job's two outputs in the order in which they came: one chunk is taken after the other, and credit follows.
 * @param credit says to the shim that so many bytes of an output were taken
 */
export const createOutputs = (onOutput: OnOutput, credit: (name: OutputName, bytes: number) => void): Outputs => {
  const sums = { stdout: { bytes: 0, crc: 0 }, stderr: { bytes: 0, crc: 0 } }
  const owed = { stdout: 0, stderr: 0 }
  let pending: Promise<void> | undefined
  let failed: unknown

  const pay = (name: OutputName, bytes: number): void => {
    owed[name] += bytes
    if (owed[name] < creditPiece) return
    credit(name, owed[name])
    owed[name] = 0
  }
  const take = (name: OutputName, chunk: Buffer): void | Promise<void> => {
    const taking = onOutput(name, chunk)
    if (taking === undefined) return pay(name, chunk.length)
    return taking.then(() => pay(name, chunk.length))
  }
  const wait = (work: Promise<void>): void => {
    const settled: Promise<void> = work
      .catch((thrown: unknown) => {
        failed ??= thrown
      })
      .then(() => {
        if (pending === settled) pending = undefined
      })
    pending = settled
  }

  return {
    receive(name, chunk) {
      const sum = sums[name]
      sum.bytes += chunk.length
      sum.crc = crc32(chunk, sum.crc)
      if (pending !== undefined) return wait(pending.then(() => take(name, chunk)))
      const taking = take(name, chunk)
      if (taking !== undefined) wait(taking)
    },
    async taken() {
      while (pending !== undefined) await pending
      if (failed !== undefined) throw failed
    },
    check(expected) {
      for (const name of ['stdout', 'stderr'] as const) {
        const [got, sent] = [sums[name], expected[name]]
        if (got.bytes !== sent.bytes || got.crc !== sent.crc)
          throw new TelpherError('tether_corrupt', `${name}: ${got.bytes} bytes came of ${sent.bytes} that were written, or they differ`)
      }
    },
  }
}

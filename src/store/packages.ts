import { createHash } from 'node:crypto'
import { TelpherError } from '../model/errors.ts'
import type { Connection } from './connection.ts'
import { packageIndexKey, packageKey } from './keys.ts'
import type { Packages, StoreLimits } from './types.ts'

const chunkBytes = 1024 * 1024
const maxBytes = 64 * chunkBytes
/** An upload that was cut is forgotten after this, in ms. */
const unfinishedMs = 3_600_000

const sum = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The packages, each under its SHA-256, in pieces that a busy Redis can swallow. */
export const createPackages = (connection: Connection, limits: StoreLimits): Packages => {
  /** The size of a complete package, whose life is prolonged. */
  const use = async (sha256: string): Promise<number | undefined> => {
    const size = await connection.script('use-package', [packageKey(sha256)], [limits.packageMs])
    return size === null ? undefined : Number(size)
  }
  const index = (sha256: string): Promise<unknown> => connection.call((redis) => redis.zadd(packageIndexKey, Date.now(), sha256))
  return {
    put: async (bytes) => {
      if (bytes.byteLength > maxBytes) {
        throw new TelpherError('package_too_large', `the package has ${Math.ceil(bytes.byteLength / chunkBytes)} MiB packed`)
      }
      const sha256 = sum(bytes)
      const size = bytes.byteLength
      if ((await use(sha256)) !== undefined) return { sha256, size }
      const key = packageKey(sha256)
      // Indexed first, so that the sweep knows of it whatever happens; and last, so that no sweep of the one before forgets it.
      await index(sha256)
      for (let start = 0; start < size; start += chunkBytes) {
        const piece = Buffer.from(bytes.subarray(start, start + chunkBytes))
        await connection.script('put-chunk', [key], [start / chunkBytes, piece, unfinishedMs])
      }
      await connection.script('finish-package', [key], [size, limits.packageMs])
      await index(sha256)
      return { sha256, size }
    },
    has: async (sha256) => (await use(sha256)) !== undefined,
    get: async (sha256) => {
      const missing = (why: string): TelpherError => new TelpherError('package_missing', `package ${sha256.slice(0, 12)} ${why}`)
      const size = await use(sha256)
      if (size === undefined) throw missing('is not in the store')
      const pieces: Buffer[] = []
      for (let start = 0; start < size; start += chunkBytes) {
        const piece = await connection.call((redis) => redis.hgetBuffer(packageKey(sha256), String(start / chunkBytes)))
        if (piece === null) throw missing('is not complete in the store')
        pieces.push(piece)
      }
      const bytes = Buffer.concat(pieces)
      if (sum(bytes) === sha256) return bytes
      await connection.call((redis) => redis.unlink(packageKey(sha256)))
      throw missing('was damaged in the store and has been removed')
    },
  }
}

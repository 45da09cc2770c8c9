import { createHash, randomUUID } from 'node:crypto'
import { TelpherError } from '../model/errors.ts'
import type { Connection } from './connection.ts'
import { packageIndexKey, packageKey, uploadKey } from './keys.ts'
import type { Replicate } from './replicate.ts'
import type { Packages, StoreLimits } from './types.ts'

const chunkBytes = 1024 * 1024
const maxBytes = 64 * chunkBytes
/** An upload that was cut is forgotten after this, in ms. */
const unfinishedMs = 3_600_000

const sum = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The packages, each under its SHA-256, in pieces that a busy Redis can swallow. */
export const createPackages = (connection: Connection, limits: StoreLimits, replicate: Replicate): Packages => {
  /** The size of a complete package, whose life is prolonged. */
  const use = async (sha256: string): Promise<number | undefined> => {
    const size = await connection.script('use-package', [packageKey(sha256)], [limits.packageMs])
    return size === null ? undefined : Number(size)
  }
  const index = (sha256: string): Promise<unknown> => connection.call((redis) => redis.zadd(packageIndexKey, Date.now(), sha256))
  const send = async (sha256: string, upload: string, bytes: Uint8Array): Promise<void> => {
    for (let start = 0; start < bytes.byteLength; start += chunkBytes) {
      const piece = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.min(chunkBytes, bytes.byteLength - start))
      await connection.script('put-chunk', [upload], [start / chunkBytes, piece, unfinishedMs])
    }
    const finished = await connection.script(
      'finish-package',
      [packageKey(sha256), upload],
      [bytes.byteLength, limits.packageMs, chunkBytes],
    )
    if (finished === 0)
      throw new TelpherError('package_missing', `package ${sha256.slice(0, 12)} was lost while it was stored: upload it again`)
  }
  return {
    put: async (bytes) => {
      if (bytes.byteLength > maxBytes) {
        throw new TelpherError('package_too_large', `the package has ${Math.ceil(bytes.byteLength / chunkBytes)} MiB packed`)
      }
      const sha256 = sum(bytes)
      const size = bytes.byteLength
      if ((await use(sha256)) !== undefined) return { sha256, size }
      // Indexed first, so that the sweep knows of it whatever happens; and last, so that no sweep of the one before forgets it.
      await index(sha256)
      const upload = uploadKey(sha256, randomUUID())
      try {
        await send(sha256, upload, bytes)
      } catch (thrown) {
        // Nothing half is seen by anyone; where Redis is away, the pieces expire.
        await connection.call((redis) => redis.unlink(upload)).catch(() => {})
        throw thrown
      }
      await index(sha256)
      await replicate([packageKey(sha256), packageIndexKey])
      return { sha256, size }
    },
    has: async (sha256) => (await use(sha256)) !== undefined,
    get: async (sha256) => {
      const missing = (why: string): TelpherError => new TelpherError('package_missing', `package ${sha256.slice(0, 12)} ${why}`)
      const size = await use(sha256)
      if (size === undefined) throw missing('is not in the store')
      const bytes = Buffer.allocUnsafe(size)
      let isWhole = true
      for (let start = 0; start < size && isWhole; start += chunkBytes) {
        const piece = await connection.call((redis) => redis.hgetBuffer(packageKey(sha256), String(start / chunkBytes)))
        isWhole = piece?.length === Math.min(chunkBytes, size - start)
        piece?.copy(bytes, start)
      }
      if (isWhole && sum(bytes) === sha256) return bytes
      // Removed, so that it can be uploaded again.
      await connection.call((redis) => redis.unlink(packageKey(sha256)))
      throw missing('was damaged in the store and has been removed')
    },
  }
}

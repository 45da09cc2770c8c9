import { randomUUID } from 'node:crypto'
import { TelpherError } from '../model/errors.ts'
import { type PackageKey, pieceBytes, pieceTagBytes } from '../model/package.ts'
import type { Signed } from '../model/signature.ts'
import type { Connection } from './connection.ts'
import { packageIndexKey, packageKey, uploadKey, uploadToKey } from './keys.ts'
import type { Replicate } from './replicate.ts'
import type { Packages, StoreLimits } from './types.ts'

/** An upload that was cut is forgotten after this, in ms. */
const unfinishedMs = 3_600_000

/**
 * The packages, each under its id, in pieces that a busy Redis can swallow: ciphertext alone comes here.
 * @param connection where packages are
 * @param states where everything else is
 */
export const createPackages = (connection: Connection, states: Connection, limits: StoreLimits, replicate: Replicate): Packages => {
  /** The size of a complete package, whose life is prolonged. */
  const use = async (id: string): Promise<number | undefined> => {
    const size = await connection.script('use-package', [packageKey(id)], [limits.packageMs])
    return size === null ? undefined : Number(size)
  }
  const index = (id: string): Promise<unknown> => connection.call((redis) => redis.zadd(packageIndexKey, Date.now(), id))
  const remove = async (id: string): Promise<void> => {
    await connection.call((redis) => redis.unlink(packageKey(id)))
  }
  const send = async (upload: string, { id, size, pieces, key }: Parameters<Packages['put']>[0]): Promise<void> => {
    for (const [number, piece] of pieces.entries()) {
      const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
      await connection.script('put-chunk', [upload], [number, bytes, unfinishedMs])
    }
    const args = [size, limits.packageMs, pieceBytes, pieceTagBytes, JSON.stringify(key)]
    if ((await connection.script('finish-package', [packageKey(id), upload], args)) === 0)
      throw new TelpherError('package_missing', `package ${id.slice(0, 12)} was lost while it was stored: upload it again`)
  }
  return {
    put: async (sealed) => {
      const { id } = sealed
      if ((await use(id)) !== undefined) return
      // Indexed first, so that the sweep knows of it whatever happens; and last, so that no sweep of the one before forgets it.
      await index(id)
      const upload = uploadKey(id, randomUUID())
      try {
        await send(upload, sealed)
      } catch (thrown) {
        // Nothing half is seen by anyone; where Redis is away, the pieces expire.
        await connection.call((redis) => redis.unlink(upload)).catch(() => {})
        throw thrown
      }
      await index(id)
      await replicate([packageKey(id), packageIndexKey])
    },
    has: async (id) => (await use(id)) !== undefined,
    get: async (id) => {
      const missing = (why: string): TelpherError => new TelpherError('package_missing', `package ${id.slice(0, 12)} ${why}`)
      const size = await use(id)
      if (size === undefined) throw missing('is not in the store')
      // One that an earlier version stored has no key.
      const isSealed = (await connection.call((redis) => redis.hexists(packageKey(id), 'key'))) === 1
      const tagBytes = isSealed ? pieceTagBytes : 0
      const pieces: Buffer[] = []
      for (let start = 0; start < size; start += pieceBytes) {
        const piece = await connection.call((redis) => redis.hgetBuffer(packageKey(id), String(start / pieceBytes)))
        if (piece?.length !== Math.min(pieceBytes, size - start) + tagBytes) {
          // Removed, so that it can be uploaded again.
          await remove(id)
          throw missing('was damaged in the store and has been removed')
        }
        pieces.push(piece)
      }
      return { id, size, pieces, ...(isSealed ? {} : { plain: true }) }
    },
    key: async (id) => {
      const text = await connection.call((redis) => redis.hget(packageKey(id), 'key'))
      return text === null ? undefined : (JSON.parse(text) as PackageKey)
    },
    changeKey: async (id, before, after) => {
      await connection.script('swap-sealed', [packageKey(id)], ['key', JSON.stringify(before), JSON.stringify(after)])
    },
    remove,
    uploadTo: async () => {
      const text = await states.call((redis) => redis.get(uploadToKey))
      return text === null ? undefined : (JSON.parse(text) as Signed)
    },
    setUploadTo: async (sealTo) => {
      await states.call((redis) => redis.set(uploadToKey, JSON.stringify(sealTo)))
    },
  }
}

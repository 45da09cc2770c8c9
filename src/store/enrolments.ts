import type { SealedRecord } from '../model/credential.ts'
import { TelpherError } from '../model/errors.ts'
import type { Signed } from '../model/signature.ts'
import type { Connection } from './connection.ts'
import { enrolmentsKey, signerKey } from './keys.ts'
import type { Enrolments, Signers } from './types.ts'

const unknown = (fingerprint: string): TelpherError =>
  new TelpherError('unknown_enrolment', `no pool has the key ${fingerprint.slice(0, 64)}`)

/** The keys of pools, as a server signed them. */
export const createEnrolments = (connection: Connection): Enrolments => ({
  create: async (fingerprint, signed) => {
    const created = await connection.call((redis) => redis.hsetnx(enrolmentsKey, fingerprint, JSON.stringify(signed)))
    if (created === 0) throw new TelpherError('enrolment_exists', `the key ${fingerprint} is enrolled already`)
  },
  get: async (fingerprint) => {
    const text = await connection.call((redis) => redis.hget(enrolmentsKey, fingerprint))
    return text === null ? undefined : (JSON.parse(text) as Signed)
  },
  list: async () => (await connection.call((redis) => redis.hvals(enrolmentsKey))).map((text) => JSON.parse(text) as Signed),
  remove: async (fingerprint) => {
    if ((await connection.call((redis) => redis.hdel(enrolmentsKey, fingerprint))) === 0) throw unknown(fingerprint)
  },
})

/** The key that servers sign with, sealed: the first server makes it, and all have the same one. */
export const createSigners = (connection: Connection): Signers => {
  const all = async (): Promise<string[]> => connection.call((redis) => redis.hvals(signerKey))
  return {
    ensure: async (make) => {
      const [found] = await all()
      if (found !== undefined) return JSON.parse(found) as SealedRecord
      const made = make()
      await connection.call((redis) => redis.hsetnx(signerKey, made.id, JSON.stringify(made)))
      const [kept] = await all()
      return kept === undefined ? made : (JSON.parse(kept) as SealedRecord)
    },
  }
}

import type { KeyObject } from 'node:crypto'
import { z } from 'zod'
import { isSigned, keyFingerprint, publicKeyOf, type Signed } from './signature.ts'
import { nameSchema } from './target.ts'

/** Workers of a pool, by the key that they share; a pool may have several, so that keys can be exchanged. */
export interface Enrolment {
  pool: string
  /** First 8 bytes of the SHA-256 of the key's DER, in hexadecimal: names the enrolment. */
  fingerprint: string
  /** Ed25519, PEM (SubjectPublicKeyInfo). */
  publicKey: string
  /** ms since the epoch. */
  createdAt: number
}

/** The key as it is enrolled. */
export interface NewEnrolment {
  publicKey: string
}

export const newEnrolmentSchema: z.ZodType<NewEnrolment, NewEnrolment> = z.strictObject({
  publicKey: z
    .string()
    .max(1000)
    .refine((pem) => publicKeyOf(pem) !== undefined, 'give an Ed25519 public key in PEM'),
})

/** An enrolment and what workers of it need to know: the keys that servers sign with, in PEM. */
export interface Enrolled extends Enrolment {
  serverKeys: string[]
}

const enrolmentSchema: z.ZodType<Enrolment> = z.object({
  pool: nameSchema,
  fingerprint: z.string().regex(/^[0-9a-f]{16}$/),
  publicKey: z.string().max(1000),
  createdAt: z.number(),
})

/** @param publicKey PEM of an Ed25519 key @throws Error when it is none */
export const enrolmentOf = (pool: string, publicKey: string, createdAt: number): Enrolment => {
  const key = publicKeyOf(publicKey)
  if (key === undefined) throw new TypeError('not an Ed25519 public key')
  return { pool, fingerprint: keyFingerprint(key), publicKey, createdAt }
}

/**
 * Reads an enrolment that lay where anybody who reaches Redis could have put it.
 * @returns undefined when no server signed it
 */
export const readEnrolment = (signed: Signed, serverKeys: readonly KeyObject[]): Enrolment | undefined =>
  isSigned('enrolment', signed, serverKeys) ? enrolmentSchema.safeParse(JSON.parse(signed.body)).data : undefined

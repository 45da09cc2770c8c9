import type { SealedRecord } from './credential.ts'

/** Packages are sealed and stored in pieces that a busy Redis can swallow, in bytes in clear. */
export const pieceBytes: number = 1024 * 1024
/** What sealing adds to each piece. */
export const pieceTagBytes = 16
export const longestPackage: number = 64 * pieceBytes

/** The key of a package that came through Redis, sealed to the servers: the one that takes it seals it with the master key. */
export interface UploadKey {
  /** base64. */
  readonly sealedTo: string
}

export type PackageKey = SealedRecord | UploadKey

export const isUploadKey = (key: PackageKey): key is UploadKey => 'sealedTo' in key

/** A package as it lies in Redis: its name tells nothing of what is in it. */
export interface SealedPackage {
  /** 64 hexadecimal digits. */
  readonly id: string
  /** Bytes in clear. */
  readonly size: number
  readonly pieces: readonly Uint8Array[]
  /** In clear, as an earlier version stored it: then its name is its SHA-256. */
  readonly plain?: true
}

/** Whether no key is needed. */
export const isPlain = ({ plain }: SealedPackage): boolean => plain === true

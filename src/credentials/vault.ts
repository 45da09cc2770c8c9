import { createHmac, hkdfSync } from 'node:crypto'
import type { SealedRecord } from '../model/credential.ts'
import { Secret } from '../model/secret.ts'
import type { Keyring, MasterKey } from './keyfile.ts'
import { seal, unseal } from './seal.ts'

/** Seals and opens the secrets of steps, as accounts are. */
export interface Vault {
  /** @param id what it is sealed for: it opens under no other */
  seal(id: string, version: number, value: Secret): SealedRecord
  /** @throws TelpherError sealed_record */
  open(record: SealedRecord, id: string): Secret
  /**
   * What tells two values apart without telling either: 16 hexadecimal digits that cannot be tried out without the master key.
   */
  fingerprint(value: Secret): string
}

/** A use of its own for the master key (RFC 5869). */
const fingerprintKey = (key: Buffer): Buffer => Buffer.from(hkdfSync('sha256', key, '', 'telpher secret fingerprint', 32))

export const createVault = (keys: MasterKey & Partial<Keyring>): Vault => {
  const mac = fingerprintKey(keys.key)
  return {
    seal: (id, version, value) => seal(keys, { type: 'secret', id, version, plaintext: value.reveal() }),
    open: (record, id) => new Secret(unseal(keys, record, id)),
    fingerprint: (value) => createHmac('sha256', mac).update(value.reveal()).digest('hex').slice(0, 16),
  }
}

import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import type { Client } from '../../src/client/http.ts'
import { makePoolKey, type PoolKey, writePoolKey } from '../../src/credentials/poolkey.ts'
import type { Signer } from '../../src/credentials/signer.ts'
import { enrolmentOf } from '../../src/model/enrolment.ts'
import { keyFingerprint, pemOf, signText } from '../../src/model/signature.ts'
import type { Store } from '../../src/store/index.ts'

/** Enrols workers of a pool, as `telpher pool enroll` does. @returns the file of their key */
export const enrolWorkers = async (client: Pick<Client, 'enrolWorkers'>, pool: string, dir: string): Promise<string> => {
  const key = makePoolKey()
  const { fingerprint, serverKeys } = await client.enrolWorkers(pool, key.publicKey)
  const file = join(dir, `${pool}-${fingerprint}.key`)
  await writePoolKey(file, key.text(pool, serverKeys))
  return file
}

/** The same without a server. */
export const enrolInStore = async (store: Pick<Store, 'enrolments'>, pool: string, signer: Signer): Promise<PoolKey> => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const enrolment = enrolmentOf(pool, pemOf(publicKey), Date.now())
  await store.enrolments.create(enrolment.fingerprint, signText('enrolment', JSON.stringify(enrolment), signer.privateKey))
  return { pool, privateKey, fingerprint: keyFingerprint(publicKey), serverKeys: [signer.publicKey] }
}

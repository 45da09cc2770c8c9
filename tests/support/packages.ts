import { createHash, generateKeyPairSync } from 'node:crypto'
import { createPackageVault } from '../../src/credentials/packages.ts'
import { signerOf } from '../../src/credentials/signer.ts'
import { createPackageRoom, type PackageRoom } from '../../src/server/packageroom.ts'
import type { Store } from '../../src/store/index.ts'

const vault = createPackageVault(
  { kid: 'k1', key: createHash('sha256').update('packages of tests').digest() },
  signerOf(generateKeyPairSync('ed25519').privateKey),
)

/** The packages of a store, sealed with a key of this process. */
export const packagesOf = (store: Pick<Store, 'packages'>): PackageRoom => createPackageRoom(store, vault)

/** Stores a package as a server does. @returns the name that steps have it by */
export const storePackage = async (
  store: Pick<Store, 'packages'>,
  bytes: Uint8Array,
): Promise<{ readonly sha256: string; readonly size: number }> => {
  const sealed = vault.seal(bytes)
  await store.packages.put(sealed)
  return { sha256: sealed.id, size: sealed.size }
}

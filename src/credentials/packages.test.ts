import { createCipheriv, createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { isUploadKey, pieceBytes, type SealedPackage, type UploadKey } from '../model/package.ts'
import type { MasterKey } from './keyfile.ts'
import { createPackageVault, openPackage, sealUpload } from './packages.ts'
import { sealTo } from './sealto.ts'
import { signerOf } from './signer.ts'

const newKey = (kid: string): MasterKey => ({ kid, key: randomBytes(32) })
const newSigner = () => signerOf(generateKeyPairSync('ed25519').privateKey)
const signer = newSigner()
const [one, two] = [newKey('one'), newKey('two')]
const vault = createPackageVault(one, signer)
const sumOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A package under a name of somebody else's. */
const forgeUpload = (bytes: Buffer, id: string, to: string): { sealed: SealedPackage; key: UploadKey } => {
  const key = randomBytes(32)
  const cipher = createCipheriv('aes-256-gcm', key, Buffer.alloc(12), { authTagLength: 16 })
  cipher.setAAD(Buffer.from(`package|${id}|0|${bytes.length}`))
  const piece = Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
  return { sealed: { id, size: bytes.length, pieces: [piece] }, key: { sealedTo: sealTo(key, id, 'telpher package key 1', to) } }
}

test.each([0, 1, pieceBytes - 1, pieceBytes, pieceBytes + 1, 3 * pieceBytes + 7])(
  'a package of %i bytes opens with its key alone',
  (size) => {
    const bytes = randomBytes(size)
    const { key, ...sealed } = vault.seal(bytes)
    expect(openPackage(sealed, vault.keyOf(sealed.id, key)).equals(bytes)).toBe(true)
    if (size > 0) expect(() => openPackage(sealed, randomBytes(32).toString('base64'))).toThrow('is damaged')
    expect(() => openPackage(sealed, undefined)).toThrow('no server gave the key')
  },
)

test('the same bytes have one name at every server, which is nobody else’s to work out, and another key each time', () => {
  const bytes = randomBytes(100)
  const [a, b] = [vault.seal(bytes), createPackageVault(two, signer).seal(bytes)]
  expect([a.id, b.id]).toEqual([vault.nameOf(sumOf(bytes)), a.id])
  expect(a.id).not.toBe(sumOf(bytes))
  expect(Buffer.from(a.pieces[0] ?? []).equals(Buffer.from(b.pieces[0] ?? []))).toBe(false)
  const other = createPackageVault(one, newSigner())
  expect(other.nameOf(sumOf(bytes))).not.toBe(a.id)
})

test('pieces open in their place alone, and none may be missing or changed', () => {
  const { key, ...sealed } = vault.seal(randomBytes(2 * pieceBytes + 5))
  const raw = vault.keyOf(sealed.id, key)
  const [first = new Uint8Array(), second = new Uint8Array(), third = new Uint8Array()] = sealed.pieces
  const flipped = Uint8Array.from(first)
  flipped[17] = (flipped[17] ?? 0) ^ 1
  const changes: Partial<SealedPackage>[] = [
    { pieces: [second, first, third] },
    { pieces: [first, second] },
    { pieces: [first, second], size: 2 * pieceBytes },
    { pieces: [flipped, second, third] },
    { pieces: [first.subarray(0, -12), second, third] },
    { id: 'f'.repeat(64) },
  ]
  for (const change of changes)
    expect(() => openPackage({ ...sealed, ...change }, raw), JSON.stringify(Object.keys(change))).toThrow('is damaged')
})

test('the key of a package opens for its name alone, with a key that the server has', () => {
  const { id, key } = vault.seal(randomBytes(10))
  expect(() => vault.keyOf('f'.repeat(64), key)).toThrow('another one')
  expect(() => createPackageVault(two, signer).keyOf(id, key)).toThrow('sealed with key one')
})

test('a producer seals to the servers, and the one that takes it seals the key with the master key', () => {
  const bytes = randomBytes(1000)
  const { key, ...sealed } = sealUpload(bytes, vault.sealTo)
  expect(JSON.stringify(key)).not.toContain('wrappedKey')
  expect(() => vault.keyOf(sealed.id, key)).toThrow('no server has taken')
  const adopted = vault.adopt(sealed, key)
  expect(isUploadKey(adopted)).toBe(false)
  expect(openPackage(sealed, vault.keyOf(sealed.id, adopted)).equals(bytes)).toBe(true)
  // Every server has the key that servers sign with.
  expect(createPackageVault(two, signer).adopt(sealed, key).kid).toBe('two')
  expect(() => createPackageVault(one, newSigner()).adopt(sealed, key)).toThrow('cannot be opened')
  expect(sealUpload(bytes, vault.sealTo).id).not.toBe(sealed.id)
})

test('nobody who seals to the servers can put another package in the place of the one that a producer named', () => {
  const { key, ...sealed } = sealUpload(randomBytes(1000), vault.sealTo)
  const { key: otherKey, ...other } = sealUpload(randomBytes(1000), vault.sealTo)
  expect(() => vault.adopt({ ...other, id: sealed.id }, otherKey)).toThrow('cannot be opened')
  expect(() => vault.adopt({ ...other, id: sealed.id }, key)).toThrow('is damaged')
  // Sealed anew under the name of the first, with all that is public.
  const forged = forgeUpload(randomBytes(1000), sealed.id, vault.sealTo)
  expect(() => vault.adopt(forged.sealed, forged.key)).toThrow('is not what its producer named')
})

test('what an earlier version stored in clear opens where its name is its sum', () => {
  const bytes = randomBytes(50)
  const plain = { id: sumOf(bytes), size: 50, pieces: [bytes], plain: true } as const
  expect(openPackage(plain, undefined).equals(bytes)).toBe(true)
  expect(() => openPackage({ ...plain, id: vault.nameOf(plain.id) }, undefined)).toThrow('is damaged')
})

test('more than 64 MiB is refused', () => {
  expect(() => vault.seal(new Uint8Array(64 * pieceBytes + 1))).toThrow(expect.objectContaining({ code: 'package_too_large' }))
})

import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { SealedRecord } from '../model/credential.ts'
import { ensureKeyFile, loadKeyFile } from './keyfile.ts'
import { seal, unseal } from './seal.ts'

const master = { kid: 'k1', key: randomBytes(32) }
const record = { type: 'account', id: 'acc_1', version: 1 } as const

test('opens what it sealed, and no record shows the plaintext', () => {
  const sealed = seal(master, { ...record, plaintext: 'the token' })
  expect(unseal(master, sealed)).toBe('the token')
  expect(JSON.stringify(sealed)).not.toContain(Buffer.from('the token').toString('base64').slice(0, 10))
  expect(seal(master, { ...record, plaintext: 'the token' }).ciphertext).not.toBe(sealed.ciphertext)
})

test.each<[string, (sealed: SealedRecord) => SealedRecord]>([
  ['another id', (sealed) => ({ ...sealed, id: 'acc_2' })],
  ['another version', (sealed) => ({ ...sealed, version: 2 })],
  ['a changed ciphertext', (sealed) => ({ ...sealed, ciphertext: Buffer.from(sealed.ciphertext, 'base64').fill(1, 20, 21).toString('base64') })],
  ['a shortened tag', (sealed) => ({ ...sealed, ciphertext: Buffer.from(sealed.ciphertext, 'base64').subarray(0, -12).toString('base64') })],
  ["another record's data key", (sealed) => ({ ...sealed, wrappedKey: seal(master, { ...record, id: 'acc_2', plaintext: 'x' }).wrappedKey })],
  ['another key', (sealed) => ({ ...sealed, kid: 'k2' })],
])('refuses %s', (_, change) => {
  const sealed = seal(master, { ...record, plaintext: 'the token' })
  expect(() => unseal(master, change(sealed))).toThrow(expect.objectContaining({ code: 'sealed_record' }))
})

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), 'telpher-key-'))

test('makes the key file once, for its owner only, and two at once agree', async () => {
  const file = join(await folder(), 'deep/master.key')
  const [one, two] = await Promise.all([ensureKeyFile(file), ensureKeyFile(file)].map((made) => made.catch(() => loadKeyFile(file))))
  expect(one?.kid).toBe(two?.kid)
  expect((await stat(file)).mode & 0o777).toBe(0o400)
  expect((await loadKeyFile(file)).kid).toBe(one?.kid)
  expect((await readFile(file)).length).toBe(32)
})

test.each([
  ['readable by others', randomBytes(32), 0o444, 'chmod 0400'],
  ['too short', randomBytes(16), 0o400, '16 bytes'],
  ['typed, not drawn', Buffer.alloc(32, 'a'), 0o400, 'not random'],
])('refuses a key file that is %s', async (_, content, mode, message) => {
  const file = join(await folder(), 'key')
  await writeFile(file, content)
  await chmod(file, mode)
  await expect(loadKeyFile(file)).rejects.toMatchObject({ code: 'key_file', message: expect.stringContaining(message) })
})

import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { SealedRecord } from '../model/credential.ts'
import { ensureKeyFile, loadKeyFile } from './keyfile.ts'
import { reseal, seal, unseal } from './seal.ts'

const master = { kid: 'k1', key: randomBytes(32) }
const record = { type: 'account', id: 'acc_1', version: 1 } as const

test('opens what it sealed, and no record shows the plaintext', () => {
  const sealed = seal(master, { ...record, plaintext: 'the token ä' })
  expect(unseal(master, sealed, 'acc_1')).toBe('the token ä')
  expect(JSON.stringify(sealed)).not.toContain(Buffer.from('the token').toString('base64').slice(0, 10))
  expect(seal(master, { ...record, plaintext: 'the token ä' }).ciphertext).not.toBe(sealed.ciphertext)
})

const cut = (base64: string, bytes: number): string => Buffer.from(base64, 'base64').subarray(0, -bytes).toString('base64')
const other = (): SealedRecord => seal(master, { ...record, id: 'acc_2', plaintext: 'x' })

test.each<[string, (sealed: SealedRecord) => SealedRecord]>([
  ['another id', (sealed) => ({ ...sealed, id: 'acc_2' })],
  ['another version', (sealed) => ({ ...sealed, version: 2 })],
  ['a tag of 4 bytes', (sealed) => ({ ...sealed, ciphertext: cut(sealed.ciphertext, 12) })],
  ['a data key with a tag of 4 bytes', (sealed) => ({ ...sealed, wrappedKey: cut(sealed.wrappedKey, 12) })],
  ['nothing', (sealed) => ({ ...sealed, ciphertext: '' })],
  ["another record's data key", (sealed) => ({ ...sealed, wrappedKey: other().wrappedKey })],
  ["another record's ciphertext", (sealed) => ({ ...sealed, ciphertext: other().ciphertext })],
  ['another key', (sealed) => ({ ...sealed, kid: 'k2' })],
])('refuses %s', (_, change) => {
  const sealed = seal(master, { ...record, plaintext: 'the token' })
  expect(() => unseal(master, change(sealed), change(sealed).id)).toThrow(expect.objectContaining({ code: 'sealed_record' }))
})

test('refuses a change of any byte, and the record of another id', () => {
  const sealed = seal(master, { ...record, plaintext: 'the token' })
  for (const field of ['ciphertext', 'wrappedKey'] as const) {
    const bytes = Buffer.from(sealed[field], 'base64')
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(() => unseal(master, { ...sealed, [field]: changed.toString('base64') }, 'acc_1')).toThrow(/was changed/)
    }
  }
  expect(() => unseal(master, sealed, 'acc_2')).toThrow(/another one/)
})

test('a key with the same name but other bytes opens nothing', () => {
  const sealed = seal(master, { ...record, plaintext: 'the token' })
  expect(() => unseal({ kid: 'k1', key: randomBytes(32) }, sealed, 'acc_1')).toThrow(expect.objectContaining({ code: 'sealed_record' }))
})

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), 'telpher-key-'))

test('servers that start at once make one key file, for its owner only, and leave nothing else', async () => {
  const dir = join(await folder(), 'deep')
  const file = join(dir, 'master.key')
  const keys = await Promise.all(Array.from({ length: 20 }, () => ensureKeyFile(file)))
  expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1)
  expect((await stat(file)).mode & 0o777).toBe(0o400)
  expect(await readdir(dir)).toEqual(['master.key'])
  expect((await readFile(file)).length).toBe(32)
  expect((await ensureKeyFile(file)).kid).toBe(keys[0]?.kid)
})

test.each([
  ['readable by others', randomBytes(32), 0o444, 'chmod 0400'],
  ['readable by its group', randomBytes(32), 0o440, 'chmod 0400'],
  ['empty', Buffer.alloc(0), 0o400, '0 bytes'],
  ['too short', randomBytes(16), 0o400, '16 bytes'],
  ['too long', randomBytes(64), 0o400, 'more than 32'],
  ['zeroes', Buffer.alloc(32), 0o400, 'not random'],
  ['typed, not drawn', Buffer.from('correcthorsebatterystaplecorrect'), 0o400, 'not random'],
])('refuses a key file that is %s, and leaves it as it is', async (_, content, mode, message) => {
  const file = join(await folder(), 'key')
  await writeFile(file, content)
  await chmod(file, mode)
  await expect(loadKeyFile(file)).rejects.toMatchObject({ code: 'key_file', message: expect.stringContaining(message) })
  await expect(ensureKeyFile(file)).rejects.toMatchObject({ code: 'key_file' })
  expect(await readFile(file)).toEqual(content)
})

test('refuses what is not there, and what is a folder', async () => {
  const dir = await folder()
  await expect(loadKeyFile(join(dir, 'none'))).rejects.toMatchObject({
    code: 'key_file',
    message: expect.stringContaining('cannot be read'),
  })
  await mkdir(join(dir, 'sub'))
  await expect(loadKeyFile(join(dir, 'sub'))).rejects.toMatchObject({ code: 'key_file', message: expect.stringContaining('not a file') })
  await writeFile(join(dir, 'block'), '')
  await expect(ensureKeyFile(join(dir, 'block/key'))).rejects.toMatchObject({ code: 'key_file' })
})

test('refuses the file of another user', async () => {
  const file = join(await folder(), 'key')
  await writeFile(file, randomBytes(32), { mode: 0o400 })
  const me = process.getuid?.() ?? 0
  if (me === 0) await chown(file, 12_345, 12_345)
  else vi.spyOn(process, 'getuid').mockReturnValue(me + 1)
  onTestFinished(() => void vi.restoreAllMocks())
  await expect(loadKeyFile(file)).rejects.toMatchObject({ code: 'key_file', message: expect.stringContaining('another user') })
})

test('an older key opens what it sealed, and what it sealed can be sealed anew', () => {
  const older = { kid: 'k0', key: randomBytes(32) }
  const keys = { ...master, older: [older] }
  const sealed = seal(older, { ...record, plaintext: 'the token' })
  expect(unseal(keys, sealed, 'acc_1')).toBe('the token')
  const anew = reseal(keys, sealed)
  expect(anew?.kid).toBe(master.kid)
  expect(unseal(master, anew as SealedRecord, 'acc_1')).toBe('the token')
  expect(reseal(keys, anew as SealedRecord)).toBeUndefined()
  expect(() => reseal(master, sealed)).toThrow(/sealed with key k0/)
  // A key's id is no proof: the bytes must open it.
  expect(() => unseal({ ...master, older: [{ kid: 'k0', key: randomBytes(32) }] }, sealed, 'acc_1')).toThrow(/was changed/)
})

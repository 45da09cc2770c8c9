import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type BackupHeader, type BackupPart, type BackupSum, openBackup, writeBackup } from './backup.ts'
import { TelpherError } from './errors.ts'

const header: BackupHeader = { telpher: 'backup', format: 1, schema: 2, at: 1, kids: ['k'] }
const sum: BackupSum = { targets: 1, deployments: 2, unfinished: 0, packages: 3 }

const partOf = (key: string, rows: BackupPart['rows']): BackupPart => ({ key, type: 'hash', first: true, rows })

async function* contents(parts: readonly BackupPart[]): AsyncGenerator<BackupPart, BackupSum> {
  yield* parts
  return sum
}

const written = async (parts: readonly BackupPart[]): Promise<Buffer> =>
  Buffer.from((await Array.fromAsync(writeBackup(header, contents(parts)))).join(''))

const readAll = async (bytes: Uint8Array, pieces = 7): Promise<{ parts: BackupPart[]; sum: BackupSum }> => {
  const source = async function* () {
    for (let at = 0; at < bytes.length; at += pieces) yield bytes.subarray(at, at + pieces)
  }
  const opened = await openBackup(source())
  expect(opened.header).toEqual(header)
  const parts: BackupPart[] = []
  for (;;) {
    const next = await opened.parts.next()
    if (next.done === true) return { parts, sum: next.value }
    parts.push(next.value)
  }
}

const value = fc.oneof(
  fc.string(),
  fc.uint8Array().map((bytes): readonly [string] => [Buffer.from(bytes).toString('base64')]),
)
const someParts = fc.array(
  fc.tuple(fc.string({ minLength: 1 }), fc.array(fc.tuple(value, value), { maxLength: 4 })).map(([key, rows]) => partOf(key, rows)),
  { maxLength: 5 },
)

test('what was written is read, in pieces of any size', async () => {
  await fc.assert(
    fc.asyncProperty(someParts, fc.integer({ min: 1, max: 200 }), async (parts, pieces) => {
      expect(await readAll(await written(parts), pieces)).toEqual({ parts, sum })
    }),
    { numRuns: 200 },
  )
})

test('a backup that was cut, changed or added to is never taken for whole', async () => {
  const bytes = await written([partOf('a', [['field', 'value']]), partOf('b', [['x', ['AAA=']]])])
  const isRefused = async (changed: Uint8Array): Promise<boolean> =>
    readAll(changed).then(
      () => false,
      (thrown: unknown) => thrown instanceof TelpherError && thrown.code === 'backup_damaged',
    )
  for (let length = 0; length < bytes.length - 1; length++) expect(await isRefused(bytes.subarray(0, length)), String(length)).toBe(true)
  expect(await isRefused(Buffer.concat([bytes, Buffer.from('{}\n')]))).toBe(true)
  const last = bytes.lastIndexOf('{"end"')
  for (let at = bytes.indexOf(10) + 1; at < last; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(await isRefused(changed), String(at)).toBe(true)
  }
})

import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { downloadModule } from './goModule.ts'

const prefix = 'example.test/tool@v1.0.0/'
const files = { 'bin/tool': 'a tool', 'README.md': 'read me '.repeat(100) }

const record = (signature: number, size: number, fields: readonly (readonly [number, number, 2 | 4])[]): Buffer => {
  const bytes = Buffer.alloc(size)
  bytes.writeUInt32LE(signature, 0)
  for (const [at, value, width] of fields) bytes.writeUIntLE(value, at, width)
  return bytes
}

/** A zip archive with deflated entries, in the order given. */
const zip = (entries: readonly (readonly [string, string])[]): Buffer => {
  const locals: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const [name, text] of entries) {
    const packed = deflateRawSync(text)
    const local = Buffer.concat([record(0x04034b50, 30, [[26, name.length, 2]]), Buffer.from(name), packed])
    const header = record(0x02014b50, 46, [
      [10, 8, 2],
      [20, packed.length, 4],
      [28, name.length, 2],
      [42, offset, 4],
    ])
    locals.push(local)
    central.push(header, Buffer.from(name))
    offset += local.length
  }
  const end = record(0x06054b50, 22, [
    [10, entries.length, 2],
    [16, offset, 4],
  ])
  return Buffer.concat([...locals, ...central, end])
}

const archive = zip(Object.entries(files).map(([name, text]) => [prefix + name, text] as const))
const lines = Object.entries(files)
  .map(([name, text]) => [prefix + name, createHash('sha256').update(text).digest('hex')] as const)
  .sort()
  .map(([name, digest]) => `${digest}  ${name}\n`)
const sum = `h1:${createHash('sha256').update(lines.join('')).digest('base64')}`

let into = ''
beforeEach(() => {
  into = mkdtempSync(join(tmpdir(), 'telpher-module-'))
  vi.stubGlobal('fetch', async () => new Response(new Uint8Array(archive)))
})
afterEach(() => {
  vi.unstubAllGlobals()
  rmSync(into, { recursive: true })
})

const wanted = { path: 'example.test/tool', version: 'v1.0.0', isProgram: (name: string) => name.startsWith('bin/') }

test('a module whose hash is right is unpacked', async () => {
  await downloadModule({ ...wanted, sum, into })
  expect(readFileSync(join(into, 'README.md'), 'utf8')).toBe(files['README.md'])
  expect(statSync(join(into, 'bin/tool')).mode & 0o111).toBe(0o111)
})

test('a module whose hash is wrong leaves nothing', async () => {
  await expect(downloadModule({ ...wanted, sum: 'h1:other', into })).rejects.toThrow('expected was h1:other')
  expect(readdirSync(into)).toEqual([])
})

import { posix } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { pack } from 'tar-stream'
import { expect, test } from 'vitest'
import { TelpherError } from '../../model/errors.ts'
import { unpack } from './unpack.ts'

const part = fc.oneof(
  fc.constantFrom('..', '.', '', 'a', 'A', 'é', 'e\u0301', '-x', 'C:', 'a\\b', 'n\nl', '\0', '\x1b', 'x'.repeat(150)),
  fc.string({ unit: 'binary', maxLength: 8 }),
)
const name = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/') || 'a')
const entry = fc.record({
  name,
  type: fc.constantFrom('file', 'file', 'file', 'directory', 'symlink', 'link', 'fifo', 'contiguous-file'),
  pax: fc.option(
    fc.dictionary(fc.constantFrom('path', 'size', 'linkpath', '__proto__', 'GNU.sparse.major'), fc.string({ maxLength: 20 })),
    {
      nil: undefined,
    },
  ),
  content: fc.string({ maxLength: 40 }),
})

const tarOf = (entries: readonly (typeof entry extends fc.Arbitrary<infer One> ? One : never)[]): Promise<Buffer> => {
  const tar = pack()
  for (const { name, type, pax, content } of entries) {
    const header = { name, type: type as 'file', linkname: 'a', ...(pax === undefined ? {} : { pax: pax as Record<string, string> }) }
    if (type === 'file' || type === 'contiguous-file') tar.entry(header, content)
    else tar.entry(header)
  }
  tar.finalize()
  return buffer(tar)
}

/** What comes of an archive is either refused by its own error or lies inside, each path a place of its own. */
const isTaken = async (bytes: Uint8Array): Promise<void> => {
  let paths: string[]
  try {
    paths = [...(await unpack(bytes)).keys()]
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(TelpherError)
    expect(thrown).toHaveProperty('code', 'package_refused')
    return
  }
  for (const path of paths) {
    expect(posix.normalize(path)).toBe(path)
    expect(posix.join('/inside', path).startsWith('/inside/')).toBe(true)
  }
  expect(new Set(paths.map((path) => path.normalize('NFC').toLowerCase())).size).toBe(paths.length)
}

const bounds = { seed: 17, numRuns: 300 } as const

test('archives of all names and kinds', () =>
  fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 5 }), fc.boolean(), async (entries, gzipped) => {
      const tar = await tarOf(entries)
      await isTaken(gzipped ? gzipSync(tar) : tar)
    }),
    bounds,
  ))

test('archives with bytes changed and ends cut', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(entry, { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(4096), fc.nat(255)), { maxLength: 6 }),
      fc.option(fc.nat(4096)),
      fc.boolean(),
      async (entries, changes, cut, gzipped) => {
        const tar = await tarOf(entries)
        const bytes = gzipped ? gzipSync(tar) : Buffer.from(tar)
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte
        await isTaken(cut === null ? bytes : bytes.subarray(0, cut % bytes.length))
      },
    ),
    bounds,
  ))

test('any bytes at all', () => fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), isTaken), bounds))

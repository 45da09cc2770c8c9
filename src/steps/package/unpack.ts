import { Readable, Transform } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { TelpherError } from '../../model/errors.ts'
import { limits } from './pack.ts'

/** Files of a package by their path. */
export type PackageFiles = ReadonlyMap<string, Buffer>

const refused = (why: string, name?: string): TelpherError =>
  new TelpherError(
    'package_refused',
    name === undefined ? why : `${JSON.stringify(name)}: ${why}`,
    name === undefined ? {} : { field: name },
  )

const nameOf = (header: Header): string => {
  const name = header.name.replace(/^(?:\.\/)+/, '').replace(/\/$/, '')
  if (header.name.startsWith('/') || /^[A-Za-z]:/.test(name) || name.includes('\\')) throw refused('paths must be relative', header.name)
  if (name.split('/').includes('..')) throw refused('it lies outside the package', header.name)
  if (/\x00/.test(name) || name.length > 1024) throw refused('not a file name', header.name.slice(0, 100))
  return name
}

/** Compression that expands further than this is made to hurt. */
const mostExpansion = 100

const bounded = (packed: number): Transform => {
  const most = Math.min(limits.unpackedBytes + limits.entries * 1024, Math.max(packed * mostExpansion, 1 << 20))
  let size = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length
      if (size > most) done(refused('it expands too far'))
      else done(null, chunk)
    },
  })
}

/**
 * Reads a package: a tar, gzipped or plain. Nothing is written to disk.
 * @returns its files by path, in the order of the archive
 * @throws TelpherError package_refused for paths outside, links, devices, names that differ by case only, bombs
 */
export const unpack = async (bytes: Uint8Array): Promise<PackageFiles> => {
  const files = new Map<string, Buffer>()
  const folded = new Map<string, string>()
  const archive = extract()
  const reading = (async () => {
    let entries = 0
    for await (const entry of archive) {
      const { header } = entry
      if (++entries > limits.entries) throw refused(`more than ${limits.entries} entries`)
      const name = nameOf(header)
      if (header.type === 'directory') {
        entry.resume()
        continue
      }
      if (header.type !== 'file' && header.type !== 'contiguous-file') throw refused(`a ${header.type} is not taken`, header.name)
      if ((header.size ?? 0) > limits.fileBytes) throw refused('a file may have 16 MiB', header.name)
      const twin = folded.get(name.toLowerCase())
      if (twin !== undefined) throw refused(twin === name ? 'it is there twice' : `it differs from ${twin} by case only`, header.name)
      folded.set(name.toLowerCase(), name)
      files.set(name, await buffer(entry))
    }
  })()
  const gzipped = bytes[0] === 0x1f && bytes[1] === 0x8b
  const source = Readable.from([Buffer.from(bytes)])
  const flow = gzipped ? pipeline(source, createGunzip(), bounded(bytes.length), archive) : pipeline(source, bounded(bytes.length), archive)
  const results = await Promise.allSettled([reading, flow])
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) {
    const ours = results
      .map((result) => (result.status === 'rejected' ? (result.reason as unknown) : undefined))
      .find((reason) => reason instanceof TelpherError)
    throw ours ?? refused(`not a tar or tar.gz: ${String((failed.reason as Error).message)}`)
  }
  return files
}

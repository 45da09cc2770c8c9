import { Readable, Transform } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { TelpherError } from '../../model/errors.ts'
import { createPlaces, pathOf, refused } from './names.ts'
import { limits } from './pack.ts'

/** Files of a package by their path. */
export type PackageFiles = ReadonlyMap<string, Buffer>

/** A tar ends with two empty blocks (POSIX pax, ustar interchange format); one that was cut has none. */
const endBytes = 1024

/** Compression that expands further than this is made to hurt. */
const mostExpansion = 100

/** Lets a tar through as long as it is no bomb, and says when its end is not there. */
const whole = (packed: number): Transform => {
  const most = Math.min(limits.unpackedBytes + limits.entries * 1024, Math.max(packed * mostExpansion, 1 << 20))
  let size = 0
  let tail = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length
      tail = Buffer.concat([tail, chunk.subarray(-endBytes)]).subarray(-endBytes)
      if (size > most) done(refused('it expands too far'))
      else done(null, chunk)
    },
    flush(done) {
      done(tail.length === endBytes && tail.every((byte) => byte === 0) ? null : refused('it does not end as a tar does: pack it anew'))
    },
  })
}

/** Only what is a file with its content here: not a link, a device, or the pieces of a file with holes (GNU tar: sparse formats). */
const isFile = ({ type, pax }: Header): boolean =>
  (type === 'file' || type === 'contiguous-file') && !Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse.'))

/**
 * Reads a package: a tar, gzipped or plain. Nothing is written to disk.
 * @returns its files by path, in the order of the archive
 * @throws TelpherError package_refused for paths outside, links, devices, names that differ by case only, bombs, what was cut
 */
export const unpack = async (bytes: Uint8Array): Promise<PackageFiles> => {
  const files = new Map<string, Buffer>()
  const places = createPlaces()
  const archive = extract()
  const reading = (async () => {
    let entries = 0
    for await (const entry of archive) {
      const { header } = entry
      if (++entries > limits.entries) throw refused(`more than ${limits.entries} entries`)
      const isFolder = header.type === 'directory'
      const path = pathOf(header.name, isFolder)
      places.take(path, isFolder ? 'folder' : 'file')
      if (isFolder) {
        entry.resume()
        continue
      }
      if (!isFile(header)) throw refused(`it is no plain file (${header.type ?? 'unknown'})`, header.name)
      if (header.size === undefined || header.size > limits.fileBytes) throw refused('a file may have 16 MiB', header.name)
      const content = await buffer(entry)
      if (content.length !== header.size) throw refused('it has not all of its bytes', header.name)
      files.set(path, content)
    }
  })()
  const gzipped = bytes[0] === 0x1f && bytes[1] === 0x8b
  const source = Readable.from([Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)])
  const flow = gzipped ? pipeline(source, createGunzip(), whole(bytes.length), archive) : pipeline(source, whole(bytes.length), archive)
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

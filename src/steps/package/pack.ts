import { createHash } from 'node:crypto'
import type { Dirent } from 'node:fs'
import { glob, lstat, readdir, readFile } from 'node:fs/promises'
import { basename, dirname, relative, resolve } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { pack } from 'tar-stream'
import { TelpherError } from '../../model/errors.ts'

/** The limits of a package: what the server takes packed, and what a worker unpacks (docs/reference/errors.md). */
export const limits: Readonly<Record<'packedBytes' | 'unpackedBytes' | 'fileBytes' | 'entries', number>> = {
  packedBytes: 64 << 20,
  unpackedBytes: 256 << 20,
  fileBytes: 16 << 20,
  entries: 20_000,
}

export interface Packed {
  readonly bytes: Buffer
  /** SHA-256 of the bytes in hexadecimal: the same files always give the same. */
  readonly sha256: string
  readonly files: readonly string[]
}

const ignored = new Set(['.git', '.hg', '.svn', '.DS_Store'])

const filesOf = async (entry: Dirent): Promise<string[]> => {
  if (ignored.has(entry.name)) return []
  const path = resolve(entry.parentPath, entry.name)
  if (entry.isDirectory()) return filesBelow(path)
  if (entry.isFile()) return [path]
  throw new TelpherError('package_refused', `${path} is neither a file nor a folder`, { field: path })
}

const filesBelow = async (folder: string): Promise<string[]> => {
  const found: string[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) for (const file of await filesOf(entry)) found.push(file)
  return found
}

/** The deepest folder that all files lie below. */
const commonFolder = (files: readonly string[]): string =>
  files.map(dirname).reduce((common, folder) => {
    let shared = common
    while (shared !== folder && !folder.startsWith(shared.endsWith('/') ? shared : `${shared}/`)) shared = dirname(shared)
    return shared
  })

/** The files that a path names, and the folder that their names in the package are relative to. */
const select = async (path: string): Promise<{ root: string; files: string[] }> => {
  const info = await lstat(path).catch(() => undefined)
  if (info?.isDirectory()) return { root: resolve(path), files: await filesBelow(resolve(path)) }
  if (info?.isFile()) return { root: dirname(resolve(path)), files: [resolve(path)] }
  if (info !== undefined) throw new TelpherError('package_refused', `${path} is neither a file nor a folder`, { field: path })
  // A link that a glob matches is refused as one that is named; a folder gives what lies below it.
  const found = await Array.fromAsync(glob(path, { withFileTypes: true }))
  const files = (await Promise.all(found.map(filesOf))).flat()
  if (files.length === 0) throw new TelpherError('empty_package', `there is nothing at ${path}`, { field: path })
  return { root: commonFolder(files), files }
}

/** What several paths name together; one alone keeps its own folder as the root. */
const selectAll = async (paths: readonly string[]): Promise<{ root: string; files: string[] }> => {
  const found = await Promise.all(paths.map(select))
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  const files = [...new Set(found.flatMap((one) => one.files))]
  if (files.length === 0) throw new TelpherError('empty_package', `there is no file in ${paths.join(', ')}`)
  return { root: commonFolder(files), files }
}

/**
 * Packs files, folders and what globs find into a tarball that depends on names and contents only.
 * @param paths on this machine, at least one; names in the package are relative to the folder that all lie in
 * @param extra more files by their name in the package, such as values files from elsewhere
 * @throws TelpherError empty_package, package_refused, package_too_large
 */
export const packPaths = async (paths: readonly string[], extra: ReadonlyMap<string, string> = new Map()): Promise<Packed> => {
  const { root, files } = await selectAll(paths)
  const path = paths.join(', ')
  const entries = new Map(files.map((file) => [relative(root, file) || basename(file), file]))
  for (const [name, file] of extra) entries.set(name, resolve(file))
  if (entries.size === 0) throw new TelpherError('empty_package', `there is no file in ${path}`, { field: path })
  if (entries.size > limits.entries)
    throw new TelpherError('package_too_large', `${path} has ${entries.size} files, at most ${limits.entries} are taken`)
  const names = [...entries.keys()].sort()
  const tar = pack()
  const packed = buffer(tar)
  let total = 0
  for (const name of names) {
    const content = await readFile(entries.get(name) ?? '').catch((cause: unknown) => {
      throw new TelpherError('package_refused', `${entries.get(name)} cannot be read`, { field: name, cause })
    })
    total += content.length
    if (content.length > limits.fileBytes || total > limits.unpackedBytes)
      throw new TelpherError('package_too_large', `${name}: a file may have 16 MiB, all together 256 MiB`, { field: name })
    tar.entry({ name, mode: 0o644, mtime: new Date(0), uid: 0, gid: 0 }, content)
  }
  tar.finalize()
  const bytes = await promisify(gzip)(await packed)
  if (bytes.length > limits.packedBytes)
    throw new TelpherError('package_too_large', `${path} has ${bytes.length} bytes packed, at most ${limits.packedBytes} are taken`)
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), files: names }
}

/** Packs one path, as packPaths does. @throws TelpherError empty_package, package_refused, package_too_large */
export const packPath = (path: string, extra: ReadonlyMap<string, string> = new Map()): Promise<Packed> => packPaths([path], extra)

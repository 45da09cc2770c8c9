import { createHash } from 'node:crypto'
import { TelpherError } from '../../model/errors.ts'
import type { FileChange, PackageChange } from '../../model/rundiff.ts'
import { type PackageFiles, unpack } from '../../steps/package/unpack.ts'
import type { PackageRoom } from '../packageroom.ts'
import { unifiedDiff } from './lines.ts'
import { type Hash, shownOf } from './redact.ts'

/** Larger packages are told of by their sums alone, in bytes packed: they would keep the server from other work. */
const largest = 8 * 1024 * 1024
/** Files that are told of, and lines of each. */
const mostFiles = 200
const mostLines = 400

const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** One file, in one or both of the packages. */
const fileChange = (path: string, a: Buffer | undefined, b: Buffer | undefined, hash: Hash): FileChange => {
  const [before, after] = [a, b].map((bytes) => (bytes === undefined ? undefined : shownOf(bytes, hash)))
  const isHidden = before?.isHidden === true || after?.isHidden === true
  const sums = isHidden ? {} : { ...(a === undefined ? {} : { a: sum(a) }), ...(b === undefined ? {} : { b: sum(b) }) }
  if (a === undefined || b === undefined) return { path, change: a === undefined ? 'added' : 'removed', ...sums }
  if (before?.text === undefined || after?.text === undefined)
    return { path, change: 'changed', ...sums, note: before?.note ?? after?.note ?? '' }
  const diff = unifiedDiff(before.text, after.text)
  const note =
    diff.length > mostLines
      ? `${diff.length - mostLines} more lines`
      : diff.length === 0
        ? 'only comments or white space differ'
        : undefined
  return { path, change: 'changed', ...sums, diff: diff.slice(0, mostLines), ...(note === undefined ? {} : { note }) }
}

const filesOf = async (room: Pick<PackageRoom, 'read'>, sha256: string): Promise<PackageFiles | string> => {
  try {
    const bytes = await room.read(sha256)
    return bytes.length > largest ? `package ${sha256.slice(0, 12)} is larger than 8 MiB: its files are not compared` : await unpack(bytes)
  } catch (thrown) {
    if (thrown instanceof TelpherError && thrown.code === 'package_missing')
      return `package ${sha256.slice(0, 12)} is no longer kept: its files cannot be compared`
    if (thrown instanceof TelpherError && thrown.code === 'package_refused') return `package ${sha256.slice(0, 12)} cannot be read`
    throw thrown
  }
}

/** What differs between two packages, file by file. Both are held in memory, at most 8 MiB packed each. */
export const comparePackages = async (room: Pick<PackageRoom, 'read'>, a: string, b: string, hash: Hash): Promise<PackageChange> => {
  const before = await filesOf(room, a)
  if (typeof before === 'string') return { a, b, files: [], note: before }
  const after = await filesOf(room, b)
  if (typeof after === 'string') return { a, b, files: [], note: after }
  const paths = [...new Set([...before.keys(), ...after.keys()])].filter((path) => {
    const [one, other] = [before.get(path), after.get(path)]
    return one === undefined || other === undefined || !one.equals(other)
  })
  const files = paths
    .sort()
    .slice(0, mostFiles)
    .map((path) => fileChange(path, before.get(path), after.get(path), hash))
  return { a, b, files, ...(paths.length > mostFiles ? { note: `${paths.length - mostFiles} more files differ` } : {}) }
}

import { matchesGlob } from 'node:path'
import { TelpherError } from '../../model/errors.ts'
import type { PackageFiles } from '../package/unpack.ts'
import { readManifest } from './documents.ts'
import { invalidAt, type ManifestObject } from './object.ts'

const isManifest = (path: string): boolean => /\.(?:ya?ml|json)$/i.test(path)

const plain = (pattern: string): string => pattern.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '')

const chosenBy = (pattern: string, path: string): boolean =>
  pattern === '' || pattern === '.' || path === pattern || path.startsWith(`${pattern}/`) || matchesGlob(path, pattern)

/** The manifests of a package, in the order of their paths; a file that is named itself counts whatever its ending. */
const filesOf = (files: PackageFiles, paths: readonly string[] | undefined): string[] => {
  const all = [...files.keys()].sort()
  const patterns = (paths ?? ['.']).map(plain)
  const nothing = patterns.find((pattern) => !all.some((path) => chosenBy(pattern, path)))
  if (nothing !== undefined && paths !== undefined)
    throw new TelpherError('empty_package', `there is nothing at ${nothing} in the package`, { field: 'paths' })
  return all.filter((path) => patterns.includes(path) || (isManifest(path) && patterns.some((pattern) => chosenBy(pattern, path))))
}

/**
 * The objects that a step applies.
 * @param paths files, folders and globs inside the package; everything when absent
 * @param namespace where objects go that name none: two that meet there are the same
 * @throws TelpherError empty_package, invalid_manifest (also for the same object twice)
 */
export const selectObjects = (files: PackageFiles, paths: readonly string[] | undefined, namespace: string): ManifestObject[] => {
  const objects = filesOf(files, paths).flatMap((path) => readManifest(path, files.get(path) ?? Buffer.alloc(0)))
  if (objects.length === 0) throw new TelpherError('empty_package', 'there is no Kubernetes object in it (.yaml, .yml, .json)')
  const seen = new Map<string, ManifestObject>()
  for (const object of objects) {
    const key = [object.group, object.kind, object.namespace ?? namespace, object.name].join('\n')
    const twin = seen.get(key)
    if (twin !== undefined) throw invalidAt(object, `${object.kind} ${object.name} is already at ${twin.file}:${twin.line}`)
    seen.set(key, object)
  }
  return objects
}

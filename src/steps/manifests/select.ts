import { matchesGlob } from 'node:path'
import { TelpherError } from '../../model/errors.ts'
import type { PackageFiles } from '../package/unpack.ts'
import { type ManifestObject, readManifest } from './documents.ts'

const isManifest = (path: string): boolean => /\.(?:ya?ml|json)$/i.test(path)

const chosenBy = (pattern: string, path: string): boolean => {
  const plain = pattern.replace(/\/$/, '')
  return path === plain || path.startsWith(`${plain}/`) || plain === '.' || matchesGlob(path, plain)
}

/**
 * The objects that a step applies.
 * @param paths files, folders and globs inside the package; everything when absent
 * @throws TelpherError empty_package, invalid_manifest (also for the same object twice)
 */
export const selectObjects = (files: PackageFiles, paths: readonly string[] | undefined): ManifestObject[] => {
  const names = [...files.keys()].filter((path) => paths?.some((pattern) => chosenBy(pattern, path)) ?? isManifest(path)).sort()
  const objects = names
    .filter((path) => isManifest(path) || paths?.includes(path))
    .flatMap((path) => readManifest(path, files.get(path) ?? Buffer.alloc(0)))
  if (objects.length === 0) throw new TelpherError('empty_package', 'there is no Kubernetes object in it (.yaml, .yml, .json)')
  const seen = new Map<string, ManifestObject>()
  for (const object of objects) {
    const key = `${object.apiVersion} ${object.kind} ${object.namespace ?? ''} ${object.name}`
    const twin = seen.get(key)
    const where = `${object.file}:${object.line}`
    if (twin !== undefined)
      throw new TelpherError('invalid_manifest', `${where}: ${object.kind} ${object.name} is already at ${twin.file}:${twin.line}`, {
        field: where,
      })
    seen.set(key, object)
  }
  return objects
}

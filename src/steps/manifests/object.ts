import { TelpherError } from '../../model/errors.ts'

/** One Kubernetes object as its author wrote it. */
export interface ManifestObject {
  /** API group, empty for the core one. */
  readonly group: string
  readonly kind: string
  readonly name: string
  readonly namespace?: string
  /** The author's text of the object alone, a document of its own: values are not read and written again, so none changes. */
  readonly text: string
  /** Path inside the package. */
  readonly file: string
  /** Counted from 1. */
  readonly line: number
}

/** An error that names its place as editors and compilers do. */
export const invalidAt = (file: string, line: number, why: string): TelpherError =>
  new TelpherError('invalid_manifest', `${file}:${line}: ${why}`, { field: `${file}:${line}` })

const fieldOf = (value: unknown, field: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, field) ? (value as Record<string, unknown>)[field] : undefined

/** A text that Kubernetes needs; undefined when it is not there. */
export const textField = (value: unknown, field: string): string | undefined => {
  const found = fieldOf(value, field)
  return typeof found === 'string' && found !== '' ? found : undefined
}

const needed = (value: unknown, field: string, file: string, line: number, otherwise: string): string => {
  const text = textField(value, field)
  if (text !== undefined) return text
  const found = fieldOf(value, field)
  const isScalar = typeof found === 'number' || typeof found === 'boolean'
  throw invalidAt(file, line, isScalar ? `${field} must be text: put ${String(found)} into quotes` : otherwise)
}

/**
 * What is looked at of an object: who it is. Everything else is the API server's to judge.
 * @throws TelpherError invalid_manifest for an object without apiVersion, kind or name
 */
export const objectOf = (value: unknown, text: string, file: string, line: number): ManifestObject => {
  const incomplete = 'an object needs apiVersion and kind'
  const apiVersion = needed(value, 'apiVersion', file, line, incomplete)
  const kind = needed(value, 'kind', file, line, incomplete)
  const metadata = fieldOf(value, 'metadata')
  // Server-side apply is addressed by name (Kubernetes docs, server-side apply): each run would fail, or make another object.
  const isGenerated = textField(metadata, 'name') === undefined && textField(metadata, 'generateName') !== undefined
  if (isGenerated) throw invalidAt(file, line, `${kind}: generateName cannot be applied twice; give it a name`)
  const name = needed(metadata, 'name', file, line, `${kind} needs metadata.name`)
  const namespace = textField(metadata, 'namespace')
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
  return { group, kind, name, ...(namespace === undefined ? {} : { namespace }), text, file, line }
}

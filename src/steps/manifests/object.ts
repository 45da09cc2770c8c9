import { TelpherError } from '../../model/errors.ts'
import { tooLarge } from './size.ts'

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
  /** Which document of its file, counted from 1; absent when it is the only one. */
  readonly document?: number
}

/** Where something stands. */
export type ManifestPlace = Pick<ManifestObject, 'file' | 'line' | 'document'>

/** An error that names its place as editors and compilers do, and the document where its file has several. */
export const invalidAt = ({ file, line, document }: ManifestPlace, why: string): TelpherError =>
  new TelpherError('invalid_manifest', `${file}:${line}: ${document === undefined ? '' : `document ${document}: `}${why}`, {
    field: `${file}:${line}`,
  })

const fieldOf = (value: unknown, field: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, field) ? (value as Record<string, unknown>)[field] : undefined

/** A text that Kubernetes needs; undefined when it is not there. */
export const textField = (value: unknown, field: string): string | undefined => {
  const found = fieldOf(value, field)
  return typeof found === 'string' && found !== '' ? found : undefined
}

const needed = (value: unknown, field: string, place: ManifestPlace, otherwise: string): string => {
  const text = textField(value, field)
  if (text !== undefined) return text
  const found = fieldOf(value, field)
  const isScalar = typeof found === 'number' || typeof found === 'boolean'
  throw invalidAt(place, isScalar ? `${field} must be text: put ${String(found)} into quotes` : otherwise)
}

/**
 * What is looked at of an object: who it is, and whether it can be stored. Everything else is the API server's to judge.
 * @throws TelpherError invalid_manifest for an object without apiVersion, kind or name, or a larger one than Kubernetes stores
 */
export const objectOf = (value: unknown, text: string, place: ManifestPlace): ManifestObject => {
  const incomplete = 'an object needs apiVersion and kind'
  const apiVersion = needed(value, 'apiVersion', place, incomplete)
  const kind = needed(value, 'kind', place, incomplete)
  const metadata = fieldOf(value, 'metadata')
  // Server-side apply is addressed by name (Kubernetes docs, server-side apply): each run would fail, or make another object.
  const isGenerated = textField(metadata, 'name') === undefined && textField(metadata, 'generateName') !== undefined
  if (isGenerated) throw invalidAt(place, `${kind}: generateName cannot be applied twice; give it a name`)
  const name = needed(metadata, 'name', place, `${kind} needs metadata.name`)
  const namespace = textField(metadata, 'namespace')
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
  const excess = tooLarge(group, kind, value)
  if (excess !== undefined) throw invalidAt(place, `${kind} ${name} ${excess}`)
  return { group, kind, name, ...(namespace === undefined ? {} : { namespace }), text, ...place }
}

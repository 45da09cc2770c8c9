import { parseAllDocuments } from 'yaml'
import { secretValuesIn } from '../../model/secret-values.ts'
import type { PackageFiles } from '../package/unpack.ts'
import { isList, reading } from './lists.ts'
import { textField } from './object.ts'

const isSecret = (value: unknown): boolean => textField(value, 'kind') === 'Secret'

const valuesOf = (value: unknown): string[] => {
  if (isSecret(value)) return secretValuesIn(value)
  if (textField(value, 'kind') === 'SecretList') return secretValuesIn(value)
  return isList(value) ? (value.items ?? []).filter(isSecret).flatMap(secretValuesIn) : []
}

/** A file that cannot be read is none of ours to refuse here. */
const readable = (text: string): unknown[] => {
  try {
    return [...parseAllDocuments(text, reading)].flatMap((document) =>
      document.errors.length > 0 ? [] : [document.toJS({ maxAliasCount: 100 }) as unknown],
    )
  } catch {
    return []
  }
}

/** The values of the Secrets in a package's manifests: known before a program runs that may print them. What a chart makes is not there yet. */
export const secretValuesOf = (files: PackageFiles): string[] =>
  [...files.values()].flatMap((bytes) => (bytes.includes('Secret') ? readable(bytes.toString('utf8')).flatMap(valuesOf) : []))

import { parseAllDocuments, stringify } from 'yaml'
import { reading } from '../../steps/manifests/lists.ts'

/** Longer files are compared by their sums alone, in bytes. */
const longest = 64 * 1024

/** A short keyed hash of a hidden value: the same value has the same one within one comparison. */
export type Hash = (value: string) => string

const speaking =
  /pass(?:word|wd|phrase)?|pwd|secret|token|credential|api[-_.]?key|private[-_.]?key|access[-_.]?key|connection[-_.]?string|dsn/i
const harmless = /(?:name|ref|path|kind|class|enabled)$/i

/** Whether the name of a value says that it is not for everybody. */
export const isSensitive = (name: string): boolean => speaking.test(name) && !harmless.test(name)

/** What stands in place of a value that is not shown. */
export const hidden = (value: unknown, hash: Hash): string => `(hidden ${hash(typeof value === 'string' ? value : JSON.stringify(value))})`

/** Keys, or whole manifests, inside of a text. */
const holdsSecret = (text: string): boolean => /PRIVATE KEY|kind["']?\s*:\s*["']?Secret\b/.test(text)

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const hideAll = (value: unknown, hash: Hash): unknown => {
  if (Array.isArray(value)) return value.map((item) => hideAll(item, hash))
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hideAll(inner, hash)]))
  return value === null || value === undefined || typeof value === 'boolean' ? value : hidden(value, hash)
}

/** Of a Secret only who it is and which keys it has: annotations may repeat its values (kubectl's last-applied-configuration). */
const secretOf = (secret: Readonly<Record<string, unknown>>, hash: Hash): unknown => {
  const { apiVersion, kind, type, metadata, data, stringData } = secret
  const { name, namespace } = isMap(metadata) ? metadata : {}
  const [shown, hiddenData, hiddenText] = [{ name, namespace }, hideAll(data, hash), hideAll(stringData, hash)]
  return { apiVersion, kind, type, metadata: shown, data: hiddenData, stringData: hiddenText }
}

/** A value without what is not for everybody. */
const redact = (value: unknown, hash: Hash): unknown => {
  if (typeof value === 'string') return holdsSecret(value) ? hidden(value, hash) : value
  if (Array.isArray(value)) return value.map((item) => redact(item, hash))
  if (!isMap(value)) return value
  if (value['kind'] === 'Secret') return secretOf(value, hash)
  // As containers name their environment: { name: DB_PASSWORD, value: … }.
  const isNamed = typeof value['name'] === 'string' && isSensitive(value['name'])
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      isSensitive(key) || (isNamed && key === 'value') ? hideAll(inner, hash) : redact(inner, hash),
    ]),
  )
}

const line = /^(\s*(?:#\s*)?(?:-\s+)?["']?)([\w.-]+)(["']?\s*[:=]\s*)(\S.*)$/

const redactLines = (text: string, hash: Hash): string =>
  text
    .split('\n')
    .map((one) => {
      const [, before, name = '', between, value = ''] = line.exec(one) ?? []
      return before === undefined || !isSensitive(name) ? one : `${before}${name}${between}${hidden(value, hash)}`
    })
    .join('\n')

/** The values in a text; undefined when it is no YAML, which all JSON is. */
const valuesIn = (text: string): unknown[] | undefined => {
  try {
    const documents = [...parseAllDocuments(text, reading)]
    if (documents.some((document) => document.errors.length > 0)) return undefined
    return documents.map((document) => document.toJS({ maxAliasCount: 100 }) as unknown)
  } catch {
    return undefined
  }
}

/** Whether the word stands in bytes that are not read, in UTF-16 too. */
const mentionsSecret = (bytes: Buffer): boolean => Buffer.from(bytes.filter((byte) => byte !== 0)).includes('Secret')

export interface Shown {
  /** What may be shown of a file; absent when nothing may, or it is no short text. */
  readonly text?: string
  /** Whether something is hidden: then the sum of the file is not for everybody either, as it lets values be guessed. */
  readonly isHidden: boolean
  /** Why there is no text. */
  readonly note?: string
}

/**
 * What may be shown of a file of a package. Of Kubernetes Secrets only names, keys and short hashes of their values are;
 * elsewhere values whose name says what they are (password, token…) and private keys are hidden. A file with anything
 * hidden is written anew from its values, without comments; what is no YAML and speaks of secrets is not shown at all.
 */
export const shownOf = (bytes: Buffer, hash: Hash): Shown => {
  if (bytes.length > longest)
    return { isHidden: mentionsSecret(bytes), note: `longer than ${longest / 1024} KiB: only its sum is compared` }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replaceAll('\r\n', '\n')
  } catch {
    return { isHidden: mentionsSecret(bytes), note: 'not text' }
  }
  if (text.includes('\0')) return { isHidden: mentionsSecret(bytes), note: 'not text' }
  const values = valuesIn(text)
  if (values === undefined && /secret|stringData|PRIVATE KEY/i.test(text))
    return { isHidden: true, note: 'it speaks of secrets and cannot be read as YAML: not shown' }
  try {
    const redacted = values?.map((value) => redact(value, hash)) ?? []
    if (JSON.stringify(values ?? []) !== JSON.stringify(redacted))
      return {
        isHidden: true,
        text: redacted.map((value) => stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 })).join('---\n'),
      }
  } catch {
    return { isHidden: true, note: 'its values refer to themselves: not shown' }
  }
  const masked = redactLines(text, hash)
  return { isHidden: masked !== text, text: masked }
}

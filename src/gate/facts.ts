import { parseDocument, visit } from 'yaml'
import { secretValuesIn } from '../model/secret-values.ts'
import { protobufValues } from './protobuf.ts'

/** What policy must know of a body: only some requests are looked into. */
export interface BodyFacts {
  /** The `type` of a Secret; undefined when the body says none. */
  readonly secretType?: string
  /** The name of a created object, where the path has none. */
  readonly name?: string
  /** The verbs that a Role gives. */
  readonly verbs?: readonly string[]
  /** What would be the values of a Secret, if it is one. */
  readonly secretValues?: readonly string[]
  /** Whether the body could not be read, because of its encoding or size. */
  readonly unreadable: boolean
}

/** A body that was looked into: what goes on is what was understood. */
export interface Look {
  readonly facts: BodyFacts
  readonly body: Buffer | undefined
}

const protobufMagic = Buffer.from('k8s\0', 'latin1')
const unreadable: BodyFacts = { unreadable: true }

/**
 * Numbers from the generated.proto files of k8s.io/api: Unknown.raw = 2; Secret, Namespace and Role: metadata = 1 with
 * name = 1; Secret.data = 2 and stringData = 4, each entry with value = 2; Secret.type = 3; Role.rules = 2 with verbs = 1.
 */
const factsOfProtobuf = (bytes: Buffer): BodyFacts => {
  try {
    const raw = protobufValues(bytes.subarray(protobufMagic.length), [2]).at(-1)
    if (raw === undefined) return unreadable
    const text = (path: readonly number[]): string[] => protobufValues(raw, path).map((value) => value.toString('utf8'))
    const secretType = text([3]).at(-1) ?? ''
    return {
      secretType,
      name: text([1, 1]).at(-1) ?? '',
      verbs: rulesOf(raw),
      secretValues: valuesOfProtobuf(raw, secretType),
      unreadable: false,
    }
  } catch {
    return unreadable
  }
}

/** Of another kind than a Role, field 2 may be something else. */
const rulesOf = (raw: Buffer): string[] => {
  try {
    return protobufValues(raw, [2, 1]).map((value) => value.toString('utf8'))
  } catch {
    return ['*unreadable*']
  }
}

/** Of another kind than a Secret, these fields may be something else. */
const valuesOfProtobuf = (raw: Buffer, type: string): string[] => {
  try {
    const data = protobufValues(raw, [2, 2]).map((value) => value.toString('base64'))
    return secretValuesIn({ type, data, stringData: protobufValues(raw, [4, 2]).map((value) => value.toString('utf8')) })
  } catch {
    return []
  }
}

const strings = (value: unknown): string[] => {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(strings) : []
}

/** A JSON patch (RFC 6902): what it puts at places that matter must stand in the patch itself. */
const factsOfPatch = (operations: readonly unknown[]): BodyFacts => {
  const verbs: string[] = []
  for (const operation of operations) {
    const { op, path, value } = (operation ?? {}) as { op?: unknown; path?: unknown; value?: unknown }
    if (typeof path !== 'string' || /^\/(?:type|)(?:\/|$)|^$/.test(path)) return unreadable
    if (/^\/rules(?:\/|$)/.test(path)) {
      if (op === 'copy' || op === 'move') return unreadable
      verbs.push(...strings(value))
    }
  }
  return { verbs, unreadable: false }
}

const factsOfObject = (value: unknown): BodyFacts => {
  if (Array.isArray(value)) return factsOfPatch(value)
  if (typeof value !== 'object' || value === null) return unreadable
  const { type, metadata, rules } = value as { type?: unknown; metadata?: { name?: unknown } | null; rules?: unknown }
  const name = metadata?.name
  return {
    unreadable: false,
    ...(typeof type === 'string' ? { secretType: type } : {}),
    ...(typeof name === 'string' ? { name } : {}),
    verbs: Array.isArray(rules) ? rules.flatMap((rule: unknown) => strings((rule as { verbs?: unknown } | null)?.verbs)) : [],
  }
}

/** Anchors, merge keys and tags are read differently by YAML 1.1, which the API server reads, and 1.2. */
const yamlOf = (text: string): unknown => {
  const document = parseDocument(text, {
    version: '1.1',
    uniqueKeys: true,
    customTags: (tags) => tags.filter((tag) => !/timestamp|merge/.test(typeof tag === 'string' ? tag : tag.tag)),
  })
  let plain = document.errors.length === 0 && document.warnings.length === 0
  visit(document, (key, node) => {
    const { tag, anchor, value } = (node ?? {}) as { tag?: unknown; anchor?: unknown; value?: unknown }
    if (tag !== undefined || anchor !== undefined || (key === 'key' && value === '<<')) plain = false
  })
  if (!plain) throw new SyntaxError('not plain YAML')
  return document.toJS()
}

const parsedBody = (text: string, media: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (thrown) {
    if (!media.endsWith('yaml')) throw thrown
    return yamlOf(text)
  }
}

/** JSON that YAML reads alike: it takes these characters for line breaks or refuses them (YAML 1.1 section 4.1). */
const jsonOf = (value: unknown): Buffer =>
  Buffer.from(
    JSON.stringify(value).replace(
      /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  )

/**
 * Looks into a body in the encodings that Kubernetes takes: JSON, YAML and protobuf. JSON and YAML are written anew from
 * what was understood, so that a key given twice, or YAML's corners, cannot mean one thing here and another there.
 * Anything else counts as unreadable, which the policy treats as the worst.
 * @param body undefined when it was too large to be read
 */
export const lookInto = (contentType: string, body: Buffer | undefined): Look => {
  if (body === undefined) return { facts: unreadable, body }
  const media = contentType.split(';')[0]?.trim().toLowerCase() ?? ''
  if (media === 'application/vnd.kubernetes.protobuf')
    return { facts: body.subarray(0, protobufMagic.length).equals(protobufMagic) ? factsOfProtobuf(body) : unreadable, body }
  if (media !== '' && !media.endsWith('json') && !media.endsWith('yaml')) return { facts: unreadable, body }
  try {
    const value = parsedBody(new TextDecoder('utf-8', { fatal: true }).decode(body), media)
    return { facts: { ...factsOfObject(value), secretValues: secretValuesIn(value) }, body: jsonOf(value) }
  } catch {
    return { facts: unreadable, body }
  }
}

/** Whether a DeleteOptions body asks for a dry run, which kubectl says there and not in the query. */
export const deletesDry = (body: Buffer | undefined): boolean => {
  if (body === undefined || body.length === 0 || body.length > 65_536) return false
  try {
    const { dryRun } = JSON.parse(body.toString('utf8')) as { dryRun?: unknown }
    return Array.isArray(dryRun) && dryRun.includes('All')
  } catch {
    return false
  }
}

import type { IncomingMessage } from 'node:http'
import { parse } from 'yaml'
import type { BodyFacts } from './policy.ts'

/** Kubernetes refuses larger objects itself (etcd's request limit is 1.5 MiB); what is larger is streamed. */
const bufferedBytes = 4 * 1024 * 1024
const protobufMagic = Buffer.from('k8s\0', 'latin1')
const unreadable: BodyFacts = { unreadable: true }

/**
 * Reads a body that may have to be sent twice or looked into.
 * @returns undefined when it is too large for that; the request then still holds all of it
 */
export const readBody = async (request: IncomingMessage): Promise<Buffer | undefined> => {
  const length = Number(request.headers['content-length'] ?? Number.NaN)
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
  if (!hasBody) return Buffer.alloc(0)
  if (length > bufferedBytes) return undefined
  const chunks: Buffer[] = []
  let size = 0
  // Read by hand: leaving a for-await loop early would destroy the request.
  for (;;) {
    const chunk = request.read() as Buffer | null
    if (chunk !== null) {
      chunks.push(chunk)
      size += chunk.length
      if (size > bufferedBytes) {
        request.unshift(Buffer.concat(chunks))
        return undefined
      }
      continue
    }
    if (request.readableEnded) return Buffer.concat(chunks)
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: Error): void => {
        request.off('readable', ready).off('end', ready).off('error', settle).off('close', ready)
        if (error === undefined) resolve()
        else reject(error)
      }
      const ready = (): void => settle()
      request.once('readable', ready).once('end', ready).once('error', settle).once('close', ready)
    })
    if (request.destroyed && !request.readableEnded) throw new Error('the client ended its request')
  }
}

/** One length-delimited field of a protobuf message, by number (protobuf.dev: encoding); undefined when it cannot be read. */
const protobufField = (bytes: Buffer, wanted: number): Buffer | undefined => {
  let at = 0
  let found: Buffer = Buffer.alloc(0)
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError('truncated')
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new RangeError('varint too long')
  }
  try {
    while (at < bytes.length) {
      const tag = varint()
      const type = tag & 7
      if (type === 0) varint()
      else if (type === 1) at += 8
      else if (type === 5) at += 4
      else if (type === 2) {
        const length = varint()
        if (at + length > bytes.length) return undefined
        if (tag >>> 3 === wanted) found = bytes.subarray(at, at + length)
        at += length
      } else return undefined
    }
    return found
  } catch {
    return undefined
  }
}

/** Of k8s.io/api/core/v1: Secret.metadata = 1, Secret.type = 3, Namespace.metadata = 1; of meta/v1: ObjectMeta.name = 1; Unknown.raw = 2. */
const factsOfProtobuf = (bytes: Buffer): BodyFacts => {
  const raw = protobufField(bytes.subarray(protobufMagic.length), 2)
  if (raw === undefined) return unreadable
  const type = protobufField(raw, 3)
  const metadata = protobufField(raw, 1)
  const name = metadata === undefined ? undefined : protobufField(metadata, 1)
  if (type === undefined || name === undefined) return unreadable
  return { secretType: type.toString('utf8'), name: name.toString('utf8'), unreadable: false }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

const factsOfObject = (value: unknown): BodyFacts => {
  if (Array.isArray(value)) return value.some((operation) => typeof operation?.path !== 'string' || /^\/type(?:\/|$)|^\/?$/.test(operation.path)) ? unreadable : { unreadable: false }
  if (typeof value !== 'object' || value === null) return unreadable
  const fields = value as { type?: unknown; metadata?: { name?: unknown } }
  const type = textOf(fields.type)
  const name = textOf(fields.metadata?.name)
  return { unreadable: false, ...(type === undefined ? {} : { secretType: type }), ...(name === undefined ? {} : { name }) }
}

/**
 * What the policy needs to know of a body, in the encodings that Kubernetes takes: JSON, YAML and protobuf. Anything
 * that is not understood counts as unreadable, which the policy treats as the worst.
 */
export const factsOf = (contentType: string, body: Buffer | undefined): BodyFacts => {
  if (body === undefined) return unreadable
  if (body.subarray(0, protobufMagic.length).equals(protobufMagic)) return factsOfProtobuf(body)
  const media = contentType.split(';')[0]?.trim() ?? ''
  try {
    if (media === '' || media.endsWith('json')) return factsOfObject(JSON.parse(body.toString('utf8')))
    if (media.endsWith('yaml')) return factsOfObject(parse(body.toString('utf8'), { maxAliasCount: 10 }))
  } catch {
    return unreadable
  }
  return unreadable
}

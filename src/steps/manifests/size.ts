const mebibyte = 1024 * 1024

/** What the API server takes as the data of one ConfigMap or Secret (Kubernetes: MaxSecretSize, 1 MiB). */
const mostData = mebibyte
/** What etcd stores of one object (etcd docs, system limits: 1.5 MiB a request by default). */
const mostStored = 1.5 * mebibyte

const bytesIn = (fields: unknown, bytesOf: (text: string) => number): number =>
  typeof fields === 'object' && fields !== null
    ? Object.values(fields).reduce<number>((sum, value) => sum + (typeof value === 'string' ? bytesOf(value) : 0), 0)
    : 0

const plain = (text: string): number => Buffer.byteLength(text)
const encoded = (text: string): number => Buffer.byteLength(text, 'base64')

/** The bytes that count as data; undefined for kinds that have none. */
const dataOf = (kind: string, object: Readonly<Record<string, unknown>>): number | undefined => {
  if (kind === 'ConfigMap') return bytesIn(object['data'], plain) + bytesIn(object['binaryData'], encoded)
  if (kind === 'Secret') return bytesIn(object['data'], encoded) + bytesIn(object['stringData'], plain)
  return undefined
}

/** JSON of a value as it is sent, in bytes; Infinity for one that has no end. */
const jsonBytes = (value: unknown): number => {
  try {
    return Buffer.byteLength(JSON.stringify(value))
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

const inMebibytes = (bytes: number): string => `${(Math.ceil((bytes / mebibyte) * 100) / 100).toFixed(2)} MiB`

/**
 * Whether an object is larger than Kubernetes stores, which would otherwise be said by etcd after it was sent, if at all.
 * @param group API group, empty for the core one
 * @returns its size and the limit in words that go on from the object's name; undefined when it fits
 */
export const tooLarge = (group: string, kind: string, value: unknown): string | undefined => {
  const data = group === '' ? dataOf(kind, value as Readonly<Record<string, unknown>>) : undefined
  if (data !== undefined && data > mostData) return `has ${inMebibytes(data)} of data, and Kubernetes takes 1 MiB`
  const whole = jsonBytes(value)
  return whole > mostStored ? `has ${inMebibytes(whole)}, and Kubernetes stores 1.5 MiB` : undefined
}

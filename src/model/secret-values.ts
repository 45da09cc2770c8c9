type Fields = Readonly<Record<string, unknown>>

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {})

/** Helm's own records: a packed release, of which nobody prints a piece (helm.sh: pkg/storage/driver). */
const helmRecord = 'helm.sh/release.v1'

/** What a line break at its end hides from is printed without it. */
const told = (text: string): string[] => (text.trim() === '' ? [] : [text.trim()])

/** A value as programs use it; of what is no text its base64 is all that anybody prints. What is no base64 is quoted by whoever refuses it. */
const decoded = (data: string): string[] => {
  const base64 = data.replaceAll(/\s/g, '')
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.toString('base64') !== base64) return told(data)
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return told(text.includes('\0') ? base64 : text)
  } catch {
    return told(base64)
  }
}

const textsIn = (value: unknown, read: (text: string) => string[]): string[] => {
  if (typeof value === 'string') return read(value)
  if (typeof value === 'number' || typeof value === 'boolean') return told(String(value))
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap((inner) => textsIn(inner, read)) : []
}

/** A JSON patch (RFC 6902). */
const valuesOfPatch = (operations: readonly unknown[]): string[] =>
  operations.flatMap((operation) => {
    const { path, value } = fieldsOf(operation)
    if (typeof path !== 'string') return []
    if (/^\/data(?:\/|$)/.test(path)) return textsIn(value, decoded)
    return /^\/stringData(?:\/|$)/.test(path) ? textsIn(value, told) : []
  })

/**
 * The values in a Kubernetes Secret, or in a list of them or a patch to one, as programs would print them. Whether it is one is the caller's to know.
 * @param object as it was parsed
 */
export const secretValuesIn = (object: unknown): string[] => {
  if (Array.isArray(object)) return valuesOfPatch(object)
  const { type, data, stringData, items } = fieldsOf(object)
  if (Array.isArray(items)) return items.flatMap((item) => (Array.isArray(item) ? [] : secretValuesIn(item)))
  if (type === helmRecord) return []
  return [...textsIn(data, decoded), ...textsIn(stringData, told)]
}

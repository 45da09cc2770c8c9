/** One field of a protobuf message: only length-delimited ones keep their bytes (protobuf.dev: encoding). */
interface Field {
  readonly number: number
  readonly bytes: Buffer
}

const read = (bytes: Buffer): Field[] => {
  const fields: Field[] = []
  let at = 0
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
  while (at < bytes.length) {
    const tag = varint()
    // Go takes the number of a field as 32 bits: a longer tag could mean another field there than here.
    if (tag >= 2 ** 32) throw new RangeError('tag too long')
    const type = tag & 7
    const length = type === 2 ? varint() : type === 1 ? 8 : type === 5 ? 4 : 0
    if (type === 0) varint()
    else if (type > 5 || type === 3 || type === 4 || at + length > bytes.length) throw new RangeError('not a field')
    if (type === 2) fields.push({ number: tag >>> 3, bytes: bytes.subarray(at, at + length) })
    at += length
  }
  return fields
}

/**
 * The values of a field of nested messages, in order, such as `[1, 1]` for metadata.name: a message given twice is merged.
 * @throws RangeError when it is not protobuf, or has a form that no encoder of Kubernetes writes
 */
export const protobufValues = (bytes: Buffer, [number, ...deeper]: readonly number[]): Buffer[] => {
  const values = read(bytes)
    .filter((field) => field.number === number)
    .map((field) => field.bytes)
  return deeper.length === 0 ? values : values.flatMap((value) => protobufValues(value, deeper))
}

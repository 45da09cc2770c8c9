/** The few ASN.1 types that a certificate needs, in DER (ITU-T X.690). */

const element = (tag: number, content: Buffer): Buffer => {
  const size = content.length
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

export const sequence = (...parts: Buffer[]): Buffer => element(0x30, Buffer.concat(parts))

export const set = (...parts: Buffer[]): Buffer => element(0x31, Buffer.concat(parts))

/** @param bytes big-endian, taken as positive */
export const integer = (bytes: Buffer): Buffer => element(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)

export const boolean = (value: boolean): Buffer => element(0x01, Buffer.from([value ? 0xff : 0]))

export const octets = (content: Buffer): Buffer => element(0x04, content)

/** @param unused bits of the last byte that do not count */
export const bits = (content: Buffer, unused = 0): Buffer => element(0x03, Buffer.concat([Buffer.from([unused]), content]))

export const utf8 = (text: string): Buffer => element(0x0c, Buffer.from(text, 'utf8'))

/** Context-specific `[number]`; constructed when it wraps whole elements. */
export const context = (number: number, content: Buffer, constructed = false): Buffer =>
  element((constructed ? 0xa0 : 0x80) | number, content)

/** @param text dotted numbers, such as `2.5.4.3` */
export const objectId = (text: string): Buffer => {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const base128 = (value: number): number[] => {
    const digits = [value & 0x7f]
    for (let left = value >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80)
    return digits
  }
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

/** A date in the form that RFC 5280 asks for: two digits of the year until 2049, four after it. */
export const time = (date: Date): Buffer => {
  const digits = `${date.toISOString().replaceAll(/[-:T]|\..*/g, '')}Z`
  return date.getUTCFullYear() < 2050 ? element(0x17, Buffer.from(digits.slice(2))) : element(0x18, Buffer.from(digits))
}

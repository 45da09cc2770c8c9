import { type Document, isAlias, isMap, isNode, isScalar, isSeq } from 'yaml'
import type { Path, Place } from './types.ts'

type Offset = number | undefined

const startOf = (node: unknown): Offset => (isNode(node) ? node.range?.[0] : undefined)
const keyText = (key: unknown): string | undefined => (isScalar(key) ? String(key.value) : undefined)

/** How far a path leads: where the last found key stands, and where its value does. */
const walk = (document: Document, path: Path): { readonly key: Offset; readonly value: unknown; readonly isWhole: boolean } => {
  let [key, value]: [Offset, unknown] = [undefined, document.contents]
  for (const part of path) {
    if (isMap(value)) {
      const pair = value.items.find((item) => keyText(item.key) === String(part))
      if (pair === undefined) return { key, value, isWhole: false }
      ;[key, value] = [startOf(pair.key) ?? key, pair.value]
    } else if (isSeq(value) && value.items[Number(part)] !== undefined) {
      value = value.items[Number(part)]
      key = startOf(value) ?? key
    } else return { key, value, isWhole: false }
  }
  return { key, value, isWhole: true }
}

const isEmpty = (node: unknown): boolean => isScalar(node) && node.source === ''

/**
 * Where a path stands in the file: a single value itself, else the key that leads to it. What is missing is looked for
 * where it would have to be written: at the nearest key around it.
 * @param what `key` for the key itself though it has a single value
 */
export const placeOf = (document: Document, lines: (offset: number) => Place, path: Path, what: 'key' | 'value' = 'value'): Place => {
  const { key, value, isWhole } = walk(document, path)
  const isSingle = isWhole && what === 'value' && (isScalar(value) || isAlias(value)) && !isEmpty(value)
  return lines((isSingle ? startOf(value) : key) ?? startOf(document.contents) ?? 0)
}

/** The text of a single value as it stands in the file: `1.10` where its value is 1.1. */
export const sourceAt = (document: Document, path: Path): string | undefined => {
  const { value, isWhole } = walk(document, path)
  return isWhole && isScalar(value) ? value.source : undefined
}

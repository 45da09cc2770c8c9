import { isDeepStrictEqual } from 'node:util'
import { type Document, isMap, isSeq, type LineCounter, parseDocument } from 'yaml'
import { invalidAt, type ManifestPlace, textField } from './object.ts'

/** An item of a List as a document of its own. */
export interface ListItem {
  readonly value: unknown
  readonly text: string
  readonly line: number
}

/** How values are read wherever they are only looked at: merge keys as kubectl's parser knows them. */
export const reading: { readonly merge: true; readonly uniqueKeys: true; readonly prettyErrors: false; readonly logLevel: 'silent' } = {
  merge: true,
  uniqueKeys: true,
  prettyErrors: false,
  logLevel: 'silent',
}

/** A List in kubectl's sense: a kind that ends in List, with items (apimachinery: unstructured IsList). */
export const isList = (value: unknown): value is { readonly items: readonly unknown[] | null } => {
  const items = typeof value === 'object' && value !== null && 'items' in value ? value.items : undefined
  return textField(value, 'kind')?.endsWith('List') === true && (Array.isArray(items) || items === null)
}

const means = (text: string, value: unknown): boolean => {
  const document = parseDocument(text, reading)
  return document.errors.length === 0 && isDeepStrictEqual(document.toJS({ maxAliasCount: 100 }), value)
}

/**
 * The items of a List, each with the text that its author wrote, moved to a document of its own at the same indentation.
 * @param source the whole file that the document's places count in
 * @throws TelpherError invalid_manifest for an item that says something else when it stands alone: it uses anchors of another
 */
export const itemsOf = (
  list: { readonly items: readonly unknown[] | null },
  document: Document,
  at: { readonly source: string; readonly counter: LineCounter; readonly lineBefore: number; readonly place: ManifestPlace },
): ListItem[] => {
  const nodes = isMap(document.contents) ? document.contents.get('items') : undefined
  return (list.items ?? []).map((value, index) => {
    const node = isSeq(nodes) ? (nodes.items[index] as { range?: readonly number[] } | undefined) : undefined
    const [start = 0, , end = 0] = node?.range ?? []
    const { line, col } = at.counter.linePos(start)
    const text = `${' '.repeat(col - 1)}${at.source.slice(start, end)}`
    const place = line + at.lineBefore
    if (!safely(() => means(text, value)))
      throw invalidAt(
        { ...at.place, line: place },
        'an item of a List that uses anchors cannot be applied by itself: write it as a document',
      )
    return { value, text, line: place }
  })
}

const safely = (check: () => boolean): boolean => {
  try {
    return check()
  } catch {
    return false
  }
}

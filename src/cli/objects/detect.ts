/** How objects are written: one a line, as one JSON document, or as YAML documents. */
export type Form = 'lines' | 'json' | 'yaml'

const isObject = (line: string): boolean => {
  if (!line.startsWith('{')) return false
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}

/** How many lines with text are looked at. */
export const mostLooked = 10

/**
 * The form of a text, by its name or else by its first lines: a line that is an object by itself means one a line, also
 * where the first of them is broken.
 * @param head up to `mostLooked` lines that are not blank
 */
export const formOf = (name: string, head: readonly string[]): Form => {
  if (/\.(?:ndjson|jsonl)$/i.test(name)) return 'lines'
  const [first = ''] = head
  if (/\.ya?ml$/i.test(name) || /^(?:---|%|#)/.test(first)) return 'yaml'
  if (head.some(isObject)) return 'lines'
  if (/^\s*[[{]/.test(first)) return 'json'
  return 'yaml'
}

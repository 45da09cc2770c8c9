/** Where a JSON value lies in a text. */
export interface Span {
  readonly start: number
  readonly end: number
}

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The end of the object that begins at `start`; the text's end when it is not closed. */
const endOfObject = (source: string, start: number): number => {
  let depth = 0
  let quoted = false
  for (let at = start; at < source.length; at++) {
    const character = source[at]
    if (quoted) {
      if (character === '\\') at++
      else if (character === '"') quoted = false
    } else if (character === '"') quoted = true
    else if (character === '{' || character === '[') depth++
    else if ((character === '}' || character === ']') && --depth === 0) return at + 1
  }
  return source.length
}

/**
 * JSON objects that follow one another without separators, as kubectl reads them too.
 * @returns undefined when the text is anything else
 */
export const jsonStream = (source: string): Span[] | undefined => {
  const spans: Span[] = []
  for (let at = 0; ; ) {
    const start = at + source.slice(at).search(/\S/)
    if (start < at) return spans.length > 1 ? spans : undefined
    if (source[start] !== '{') return undefined
    at = endOfObject(source, start)
    if (!isJson(source.slice(start, at))) return undefined
    spans.push({ start, end: at })
  }
}

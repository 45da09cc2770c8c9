/** A text in parts: what stands there, and the names of inputs between. */
export type Part = { readonly text: string } | { readonly input: string }

/** In this order: the dollar sign that is meant as such, a reference, and what only looks like one. */
const marks = /\$\$\{|\$\{inputs\.([A-Za-z][A-Za-z0-9_-]*)\}|\$\{/g

/**
 * The references to inputs in a text: `${inputs.NAME}`, nothing more is known. `$${` stands for the text `${`.
 * @returns undefined when there is a `${` that is no such reference
 */
export const partsOf = (text: string): Part[] | undefined => {
  const parts: Part[] = []
  let done = 0
  for (const found of text.matchAll(marks)) {
    parts.push({ text: text.slice(done, found.index) })
    done = found.index + found[0].length
    if (found[0] === '$${') parts.push({ text: '${' })
    else if (found[1] !== undefined) parts.push({ input: found[1] })
    else return undefined
  }
  return [...parts, { text: text.slice(done) }]
}

/** The names of the inputs that a text refers to. */
export const namesIn = (text: string): string[] => (partsOf(text) ?? []).flatMap((part) => ('input' in part ? [part.input] : []))

/**
 * The text with its references replaced. What is put in is not looked at again.
 * @returns undefined when an input that it refers to has no value, or a reference is none
 */
export const fillIn = (text: string, values: ReadonlyMap<string, string>): string | undefined => {
  const parts = partsOf(text)?.map((part) => ('input' in part ? values.get(part.input) : part.text))
  return parts?.some((part) => part === undefined) === false ? parts.join('') : undefined
}

const longest = 1000

/** Terminal sequences: CSI, OSC and the two-byte ones (ECMA-48). */
const sequences = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g
/** Control characters, and those that turn the direction of writing, which can make a text read as another. */
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/**
 * A text from the cluster as it may be printed: without terminal sequences, other control characters as `?`.
 * @param limit characters after which it is cut, 1000 if not said
 */
export const harmless = (text: string, limit: number = longest): string => {
  const plain = text
    .slice(0, limit * 4)
    .replace(sequences, '')
    .replace(controls, '?')
  return plain.length <= limit ? plain : `${plain.slice(0, limit).toWellFormed()}…`
}

import type { Signed } from '../../model/signature.ts'

/** So many texts: as many as attempts may run, and more. */
const mostKept = 4096

/**
 * Work on a signed text that always comes to the same: done once for each of the texts that came last. What it throws is not kept, nor that it
 * comes to nothing.
 * @param work depends on nothing but the text
 */
export const remembered = <T>(work: (signed: Signed) => T | undefined, most: number = mostKept): ((signed: Signed) => T | undefined) => {
  const known = new Map<string, { readonly signature: string; readonly value: T }>()
  return (signed) => {
    const kept = known.get(signed.body)
    if (kept?.signature === signed.signature) return kept.value
    const value = work(signed)
    if (value === undefined) return undefined
    const [oldest] = known.keys()
    if (known.size >= most && oldest !== undefined) known.delete(oldest)
    known.set(signed.body, { signature: signed.signature, value })
    return value
  }
}

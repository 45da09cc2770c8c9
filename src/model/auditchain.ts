import { createHash } from 'node:crypto'

/** A record as it is stored: its text is what was hashed, byte for byte. */
export interface ChainLink {
  readonly n: number
  /** `MS-COUNT`: when it was recorded, and a count. */
  readonly id: string
  /** The entry in JSON. */
  readonly text: string
  readonly hash: string
}

/** A place in the chain that a server put its name to. */
export interface ChainMark {
  readonly n: number
  readonly id: string
  readonly hash: string
  /** Names the key. */
  readonly kid: string
  /** Ed25519 over `markText`, base64url. */
  readonly signature: string
}

/** What a mark says: that the chain had come so far, or that the retention removed it up to there. */
export type MarkPurpose = 'place' | 'base'

/** Signs marks, and knows the signatures of its keys. */
export interface ChainSigner {
  readonly kid: string
  sign(text: string): string
  /** Undefined where the key is none of ours. */
  verify(kid: string, text: string, signature: string): boolean | undefined
}

/** The hash before the first record. */
export const genesis = ''

/** Records, or places of one, that are not as they were written. */
export interface ChainProblem {
  readonly n: number
  readonly says: string
}

export interface ChainReport {
  readonly ok: boolean
  /** How many records were looked at, and the numbers of the first and the last. */
  readonly records: number
  readonly first?: number
  readonly last?: number
  /** Signed places that agree. */
  readonly signatures: number
  /** Signed places whose key this server no longer has: nothing is known of their signatures. */
  readonly unknownKeys: number
  /** The first hundred. */
  readonly problems: readonly ChainProblem[]
}

/** The hash of a record: it binds the record to its place and to everything before it. */
export const chainHash = (before: string, { n, id, text }: Omit<ChainLink, 'hash'>): string =>
  createHash('sha256').update(`${before}\n${n}\n${id}\n${text}`).digest('base64url')

/** What is signed of a place. */
export const markText = (purpose: MarkPurpose, { n, id, hash }: Pick<ChainMark, 'n' | 'id' | 'hash'>): string =>
  `telpher audit 1\n${purpose}\n${n}\n${id}\n${hash}`

/** Signs a place. */
export const markOf = (purpose: MarkPurpose, place: Pick<ChainMark, 'n' | 'id' | 'hash'>, signer: ChainSigner): ChainMark => ({
  n: place.n,
  id: place.id,
  hash: place.hash,
  kid: signer.kid,
  signature: signer.sign(markText(purpose, place)),
})

/** What there is of a chain. */
export interface Chain {
  /** In the order of their ids; what lies before `base` is passed over. */
  readonly links: AsyncIterable<readonly ChainLink[]> | Iterable<readonly ChainLink[]>
  /** Up to where it was removed; undefined while it is whole. */
  readonly base?: ChainMark | undefined
  /** Its end; undefined while nothing was recorded. */
  readonly head?: ChainMark | undefined
  readonly checkpoints: readonly ChainMark[]
  /** Places that were seen before, with their hashes: of these the chain must still be one. */
  readonly seen?: readonly Pick<ChainMark, 'n' | 'hash'>[]
}

const mostProblems = 100

/**
 * Looks whether a chain is as it was written. Any record that was changed, taken out, put in or moved is found, and so is a chain that was
 * written anew by somebody without the key. A chain whose end was cut off together with its marks is told by what was seen before only.
 */
export const verifyChain = async (chain: Chain, signer: Pick<ChainSigner, 'verify'>): Promise<ChainReport> => {
  const problems: ChainProblem[] = []
  const counts = { records: 0, signatures: 0, unknownKeys: 0 }
  const problem = (n: number, says: string): void => {
    if (problems.length < mostProblems) problems.push({ n, says })
  }
  const signed = (purpose: MarkPurpose, mark: ChainMark, what: string): void => {
    const verdict = signer.verify(mark.kid, markText(purpose, mark), mark.signature)
    if (verdict === undefined) counts.unknownKeys++
    else if (verdict) counts.signatures++
    else problem(mark.n, `the signature of ${what} is wrong`)
  }
  const { base, head } = chain
  if (base !== undefined) signed('base', base, `the end of what the retention removed, record ${base.n},`)
  const places = new Map<number, ChainMark>()
  for (const mark of chain.checkpoints) {
    signed('place', mark, `the checkpoint at record ${mark.n}`)
    places.set(mark.n, mark)
  }
  const seen = new Map(chain.seen?.map(({ n, hash }) => [n, hash]))
  let before = base?.hash ?? genesis
  let last = base?.n ?? 0
  let first: number | undefined
  /** Compares a place with what is known of it. */
  const arrive = (n: number, hash: string, id?: string): void => {
    const mark = places.get(n)
    if (mark !== undefined && (mark.hash !== hash || (id !== undefined && mark.id !== id)))
      problem(n, `record ${n} is another one than its checkpoint says`)
    const known = seen.get(n)
    if (known !== undefined && known !== hash) problem(n, `record ${n} is another one than was seen before`)
    places.delete(n)
    seen.delete(n)
  }
  arrive(last, before)
  for await (const page of chain.links)
    for (const link of page) {
      if (link.n <= (base?.n ?? 0)) continue
      counts.records++
      first ??= link.n
      if (link.n !== last + 1)
        problem(
          link.n,
          link.n > last ? `records ${last + 1} to ${link.n - 1} are missing` : `record ${link.n} stands behind record ${last}`,
        )
      else if (chainHash(before, link) !== link.hash) problem(link.n, `record ${link.n} was changed, or does not follow the one before it`)
      before = link.hash
      last = Math.max(last, link.n)
      arrive(link.n, link.hash, link.id)
    }
  if (head === undefined) {
    if (last > 0) problem(last, 'the end of the record is not signed')
  } else {
    signed('place', head, `the end of the record, at ${head.n},`)
    if (head.n !== last) problem(Math.min(head.n, last) + 1, `the record ends at ${last} and was signed up to ${head.n}`)
    else if (head.hash !== before) problem(last, 'the end of the record is another one than was signed')
  }
  // What the retention removed is behind the base; anything else must have been passed.
  for (const n of places.keys()) if (n > (base?.n ?? 0)) problem(n, `record ${n}, of which there is a checkpoint, is missing`)
  for (const n of seen.keys()) if (n > (base?.n ?? 0)) problem(n, `record ${n}, which was seen before, is missing`)
  return {
    ok: problems.length === 0,
    records: counts.records,
    ...(first === undefined ? {} : { first, last }),
    signatures: counts.signatures,
    unknownKeys: counts.unknownKeys,
    problems,
  }
}

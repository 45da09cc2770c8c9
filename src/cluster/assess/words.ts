/**
 * What a word of a controller says: `good` it is done, `busy` it is at work, `bad` it has failed, `paused` it rests on
 * purpose, `unknown` it cannot tell.
 */
export type Meaning = 'good' | 'busy' | 'bad' | 'paused' | 'unknown'

const good = `
  ready available healthy ok okay synced insync sync uptodate succeeded succeed success successful successfully established accepted
  programmed admitted complete completed reconciled deployed installed configured valid validated resolved bound running active
  initialized initialised registered provisioned created applied connected online up done finished approved issued renewed published
  bootstrapped compliant enabled attached joined verified stable green passed operational serving listening fulfilled satisfied granted
  reachable propagated updated upgraded achieved matched normal idle loaded live imported restored reclaimed
  authenticated authorized authorised found latest existing protected elected usable signed optimal consistent`

const busy = `
  pending queued inprogress init incomplete partial partially outofsync unbound wait retry yellow scheduled requested
  submitted unready uninitialized uninitialised starts awaits unsynced draft planned acquired prepared undeployed unregistered terminated deleted removed`

const bad = `
  fail fails failed failure failures err error errors errored degraded stalled unhealthy invalid conflict conflicts conflicted rejected
  reject denied deny refused forbidden unauthorized unauthorised pressure violation violations violated violates deadlock deadlocked
  expired mismatch mismatched blocked exceeded exceeds lost missing broken misconfigured misconfiguration corrupt corrupted dead warn
  warning warnings critical fatal abort aborted cancelled canceled timeout timedout evicted oom oomkilled unreachable unresolved
  unsupported unable cannot insufficient noncompliant incompatible stuck red panic killed nonexistent crash crashed crashes backoff
  crashloopbackoff incorrect malformed illegal unrecoverable inconsistent faulty faulted fault unavailable unaccepted unschedulable
  orphan orphaned exception failing crashing offline bad terminal recoverable undesired wrong nonstructural disconnected interrupted limit emergency`

const paused = `
  pause paused suspend suspended stopped hibernate hibernated hibernation disabled inactive ignored
  halted frozen sleeping asleep dormant shutdown deactivated deallocated scaledtozero quiesced`

const unknown = 'unknown undetermined unspecified'

const lexicon: ReadonlyMap<string, Meaning> = new Map(
  Object.entries({ good, busy, bad, paused, unknown }).flatMap(([meaning, words]) =>
    words
      .trim()
      .split(/\s+/)
      .map((word) => [word, meaning as Meaning] as const),
  ),
)

/** Words that say something only where nothing stands beside them: a `NewReplicaSetAvailable` is not new. */
const alone: ReadonlyMap<string, Meaning> = new Map([
  ['new', 'busy'],
  ['progress', 'busy'],
  ['started', 'busy'],
])

/** Nouns that end like work that goes on. */
const nouns = new Set(
  `matching nothing something everything anything during networking routing logging monitoring tracing messaging binding mapping setting peering
  billing string training following remaining including using having according`
    .trim()
    .split(/\s+/),
)

/** Good words that nothing is on its way to: `not accepted` is a refusal, `not ready` is not. */
const refusals = new Set([
  'found',
  'valid',
  'existing',
  'accepted',
  'admitted',
  'compliant',
  'granted',
  'authorized',
  'authenticated',
  'reachable',
  'usable',
])

/** Words that turn the next one round. */
const negations = new Set(['not', 'no', 'non', 'never', 'isn', 'without', 'didn', 'doesn', 'isnt'])

/** Words of a compound, in lower case: `UpdateFailed`, `DEPLOYED_NOT_READY`, `in-sync` and sentences alike. */
export const wordsOf = (text: string): readonly string[] =>
  text
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .match(/[a-z]+/g) ?? []

/** What one word says. A participle that English makes with -ing tells of work that goes on. */
export const meaningOfWord = (word: string): Meaning | undefined =>
  lexicon.get(word) ?? (word.length > 5 && word.endsWith('ing') && !nouns.has(word) ? 'busy' : undefined)

/** What several words say that are one, such as `in sync`, `up to date`, `timed out`. */
export const meaningOfPhrase = (words: readonly string[]): Meaning | undefined => lexicon.get(words.join(''))

const opposite: Readonly<Record<Meaning, Meaning>> = { good: 'busy', busy: 'busy', bad: 'good', paused: 'good', unknown: 'unknown' }
const strongest: readonly Meaning[] = ['bad', 'paused', 'busy', 'unknown', 'good']

/** Words between `not` and what is not: `not yet ready`, `NotAllPodsReady`. */
const fillers = new Set(['all', 'yet', 'enough', 'fully', 'every', 'any', 'currently', 'pods', 'replicas', 'nodes', 'been', 'be'])

const isNegated = (words: readonly string[], at: number): boolean => {
  let before = at - 1
  while (fillers.has(words[before] ?? '')) before--
  return negations.has(words[before] ?? '')
}

const meaningOfWords = (words: readonly string[]): Meaning | undefined => {
  const whole = meaningOfPhrase(words) ?? alone.get(words.join(''))
  if (whole !== undefined) return whole
  const found = new Set<Meaning>()
  for (const [at, word] of words.entries()) {
    const phrase = meaningOfPhrase(words.slice(at, at + 3)) ?? meaningOfPhrase(words.slice(at, at + 2))
    if (words.length > at + 1 && phrase !== undefined) {
      // `out of sync` ends with a word that says the opposite.
      found.add(phrase)
      if (phrase !== 'good') return phrase
    }
    if (fillers.has(word) || isNegated(words, at)) continue
    if (!negations.has(word)) {
      const meaning = meaningOfWord(word)
      if (meaning !== undefined) found.add(meaning)
      continue
    }
    const next = words.slice(at + 1).find((one) => !fillers.has(one))
    if (next === undefined) continue
    const meaning = meaningOfWord(next)
    // `not ready` is on its way; `not found`, `not allowed`, `no nodes` are not.
    found.add(meaning === undefined || refusals.has(next) ? 'bad' : opposite[meaning])
  }
  return strongest.find((meaning) => found.has(meaning))
}

const cacheLimit = 4096
const cache = new Map<string, Meaning | 'nothing'>()

/**
 * What a short text says: a phase, a state, a reason, such as `Running`, `UpdateFailed` or `Waiting for pods to be ready`.
 * The worst word decides; `not` before a good word means that it is still at work.
 * @returns nothing when no word of it is known
 */
export const meaningOf = (text: string): Meaning | undefined => {
  const known = cache.get(text)
  if (known !== undefined) return known === 'nothing' ? undefined : known
  const meaning = meaningOfWords(wordsOf(text.slice(0, 200)))
  // Texts may be made up by anybody: the memory of them is bounded.
  if (cache.size >= cacheLimit) cache.clear()
  cache.set(text, meaning ?? 'nothing')
  return meaning
}

const complaint =
  /\b(?:fail(?:ed|ure|s|ing)?|errors?|invalid|denied|forbidden|not found|cannot|can't|unable|refused|timed out|timeout|exceeded|unauthorized|do(?:es)? not exist|already exists?|none of the|not working|conflict\w*|crash\w*|not (?:been )?(?:allowed|permitted|valid|supported|accepted)|rejected|unreachable|back-?off|unavailable|unexpected(?:ly)?|mismatch)\b/i
const work =
  /\b(?:waiting|wait|awaiting|in progress|pending|progressing|yet|still|being|reconcil\w+|creating|updating|initiali[sz]ing|rolling|installing|provisioning|starting|queued|restoring|not ready|requested)\b/i

/** What a sentence for people says; it is the last resort, since it has no form. */
export const meaningOfSentence = (sentence: string): Meaning | undefined => {
  const text = sentence.slice(0, 400)
  if (/^\W*(?:error|failed|failure|cannot|unable|fatal)\b/i.test(text)) return 'bad'
  if (/^\W*(?:waiting|awaiting|pending)\b/i.test(text)) return 'busy'
  if (complaint.test(text)) return 'bad'
  return work.test(text) ? 'busy' : undefined
}

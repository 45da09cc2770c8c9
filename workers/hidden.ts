import { Secret } from '../src/model/secret.ts'

/** Shorter values of Secrets, such as `admin` or `5432`, are not hidden: ordinary text would go with them. In bytes. */
const shortestValue = 8
/** Of a longer value only the beginning is known to the masker, in bytes. */
const longestValue = 4096
/** What the masker looks for as a whole, in bytes; its table of those is bounded (mask.ts). */
const shortValue = 24
/** What there is of all Secrets together, in bytes: tables of more would keep the worker from its work while they are made. */
const mostOf = { short: 2 * 1024, long: 30 * 1024 } as const

/** What the log says then. */
export const tooMuchToHide: string = `warning: its Secrets hold more than ${mostOf.long / 1024} KiB, or ${mostOf.short / 1024} KiB of short values: what is over that is not hidden in this output`

/** What must not be seen of one attempt, as far as it is known. */
export interface Hidden {
  /** A credential of the attempt. */
  token(secret: Secret): void
  /** The secrets of the step. */
  ofStep(secrets: readonly Secret[]): void
  /** Values of Kubernetes Secrets that the step works with. */
  values(values: readonly string[]): void
  /** What is hidden everywhere. */
  strict(): readonly Secret[]
  /** What is hidden in texts alone: a value may be the name of an object as well, which has to stay as it is where it says which one is meant. */
  inTexts(): readonly Secret[]
}

const beginning = (value: string): string =>
  Buffer.byteLength(value) <= longestValue ? value : new TextDecoder().decode(Buffer.from(value).subarray(0, longestValue)).slice(0, -1)

/**
 * @param changed told of all of it each time there is more, before anything is done with it
 * @param onTooMuch told once when there are more values than can be hidden
 */
export const createHidden = (changed: (secrets: readonly Secret[]) => void, onTooMuch: () => void): Hidden => {
  const tokens: Secret[] = []
  let steps: readonly Secret[] = []
  const values = new Map<string, Secret>()
  const size = { short: 0, long: 0 }
  let isFull = false
  const tell = (): void => changed([...tokens, ...steps, ...values.values()])
  return {
    token(secret) {
      tokens.unshift(secret)
      // The one before may still be on its way; older ones are dead.
      tokens.splice(2)
      tell()
    },
    ofStep(secrets) {
      steps = secrets
      tell()
    },
    values(given) {
      const before = values.size
      for (const whole of given) {
        const value = beginning(whole)
        const bytes = Buffer.byteLength(value)
        if (bytes < shortestValue || values.has(value)) continue
        const length = bytes < shortValue ? 'short' : 'long'
        if (size[length] + bytes > mostOf[length]) {
          if (!isFull) onTooMuch()
          isFull = true
          continue
        }
        size[length] += bytes
        values.set(value, new Secret(value))
      }
      if (values.size > before) tell()
    },
    strict: () => [...tokens, ...steps],
    inTexts: () => [...values.values()],
  }
}

import { type SealedCounts, type SealedKind, type SealedRecord, sealedKinds } from '../model/credential.ts'
import type { Connection } from './connection.ts'
import { deploymentKeys, droppedKeysKey, grantKeys, packageKey, rotationKeys, secretKeys, signerKey, targetKeys } from './keys.ts'
import { ruleOf } from './retention.ts'
import type { Sealed } from './types.ts'

/** Where records lie that are sealed with a master key. */
interface SealedPlace {
  readonly kind: SealedKind
  /** One key, or with `*` all of a form. */
  readonly keys: string
  /** `fields`: every field of the hash is a record; `string`: the value is one; or the one field that is one, or has it as a property. */
  readonly in: 'fields' | 'string' | { readonly field: string; readonly property?: string }
}

/**
 * Every place where something is sealed with a master key: what is counted before a key is dropped, and what `telpher keys rotate` seals
 * anew. A test holds it against the keys that say so and against what is in a real Redis.
 */
export const sealedPlaces: readonly SealedPlace[] = [
  { kind: 'accounts', keys: targetKeys.accounts, in: 'fields' },
  { kind: 'accounts', keys: rotationKeys.journal('*'), in: { field: 'wish', property: 'sealed' } },
  { kind: 'secrets', keys: secretKeys.sealed, in: 'fields' },
  { kind: 'secrets', keys: deploymentKeys('dep_*').secrets, in: 'fields' },
  { kind: 'attempts', keys: grantKeys({ deploymentId: 'dep_*', jobId: '*', attempt: 0 }).record.replace(/0$/, '*'), in: 'string' },
  { kind: 'packages', keys: packageKey('*'), in: { field: 'key' } },
  { kind: 'signers', keys: signerKey, in: 'fields' },
]

const pageSize = 500
const keysAtOnce = 2000

/** A record as it lies there: the text that a swap must find, and the same text with another record. */
interface Found {
  readonly field: string
  readonly text: string
  readonly record: SealedRecord
  with(record: SealedRecord): string
}

/** Keys of one form, a page a time and each once (redis.io/docs/latest/commands/scan, guarantees). */
async function* scanned(connection: Connection, pattern: string): AsyncGenerator<string[]> {
  const seen = new Set<string>()
  const cursors = new Map<string, string>()
  do {
    const pages = await connection.onMasters(async (redis, place): Promise<string[]> => {
      const cursor = cursors.get(place) ?? '0'
      if (cursor === 'end') return []
      const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', keysAtOnce)
      cursors.set(place, next === '0' ? 'end' : next)
      return keys
    })
    const fresh = [...new Set(pages.flat())].filter((key) => !seen.has(key))
    for (const key of fresh) seen.add(key)
    if (fresh.length > 0) yield fresh
  } while ([...cursors.values()].some((cursor) => cursor !== 'end'))
}

const whole = (field: string, text: string): Found => ({ field, text, record: JSON.parse(text) as SealedRecord, with: JSON.stringify })

/** What is in one field, where it is there: a key that a producer sealed to the servers has no kid. */
const inside = (field: string, property: string | undefined, text: string | null): Found[] => {
  if (text === null) return []
  if (property === undefined) return [whole(field, text)].filter(({ record }) => record.kid !== undefined)
  const held = JSON.parse(text) as Readonly<Record<string, unknown>>
  const record = held[property] as SealedRecord | undefined
  return record === undefined ? [] : [{ field, text, record, with: (after) => JSON.stringify({ ...held, [property]: after }) }]
}

/** The records of one key, a page a time; one may come twice. */
async function* recordsOf(connection: Connection, key: string, place: SealedPlace['in']): AsyncGenerator<Found[]> {
  const { call } = connection
  if (place === 'string') {
    const text = await call((redis) => redis.get(key))
    yield text === null ? [] : [whole('', text)]
  } else if (place === 'fields') {
    const read = (cursor: string) => call((redis) => redis.hscan(key, cursor, 'COUNT', pageSize))
    for (let reading = read('0'); ; ) {
      const [next, page] = await reading
      // The next page comes while this one is worked on.
      if (next !== '0') reading = read(next)
      reading.catch(() => {})
      yield Array.from({ length: page.length / 2 }, (_, at) => whole(page[at * 2] ?? '', page[at * 2 + 1] ?? ''))
      if (next === '0') return
    }
  } else yield inside(place.field, place.property, await call((redis) => redis.hget(key, place.field)))
}

const none = Object.fromEntries(sealedKinds.map((kind) => [kind, 0])) as SealedCounts

/**
 * All that is sealed with a master key, whatever it is and wherever it lies.
 * @param store where packages are
 */
export const createSealed = (connection: Connection, store: Connection): Sealed => {
  /** Works on the records of each key, keys of a page side by side. */
  const onAll = async (
    work: (where: Connection, key: string, found: readonly Found[], kind: SealedKind) => Promise<void>,
  ): Promise<void> => {
    for (const { kind, keys, in: place } of sealedPlaces) {
      const where = ruleOf(keys)?.redis === 'store' ? store : connection
      const onKey = async (key: string): Promise<void> => {
        let before: Promise<void> = Promise.resolve()
        for await (const found of recordsOf(where, key, place)) {
          // A page is sealed while the one before is written.
          const now = work(where, key, found, kind)
          now.catch(() => {})
          await before
          before = now
        }
        await before
      }
      if (!keys.includes('*')) await onKey(keys)
      else for await (const page of scanned(where, keys)) await Promise.all(page.map(onKey))
    }
  }
  return {
    count: async () => {
      const counts = new Map<string, SealedCounts>()
      const seen = new Set<string>()
      await onAll(async (_, key, found, kind) => {
        for (const { field, record } of found) {
          const name = `${key} ${field}`
          if (seen.has(name)) continue
          seen.add(name)
          const before = counts.get(record.kid) ?? none
          counts.set(record.kid, { ...before, [kind]: before[kind] + 1 })
        }
      })
      return counts
    },
    change: async (change) => {
      let changed = 0
      await onAll(async (where, key, found) => {
        const swaps = found.flatMap((one) => {
          const after = change(one.record)
          return after === undefined ? [] : [one.field, one.text, one.with(after)]
        })
        if (swaps.length > 0) {
          const count = Number(await where.script('swap-sealed', [key], swaps))
          changed += count
        }
      })
      return changed
    },
    drop: async (kid, at) => {
      await connection.call((redis) => redis.hsetnx(droppedKeysKey, kid, String(at)))
    },
    undrop: async (kid) => {
      await connection.call((redis) => redis.hdel(droppedKeysKey, kid))
    },
    dropped: async () => {
      const all = await connection.call((redis) => redis.hgetall(droppedKeysKey))
      return new Map(Object.entries(all).map(([kid, at]) => [kid, Number(at)]))
    },
  }
}

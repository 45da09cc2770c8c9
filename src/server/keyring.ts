import { type Keyring, loadKeyFile } from '../credentials/keyfile.ts'
import type { OlderKeyFacts } from '../doctor/files.ts'
import { TelpherError } from '../model/errors.ts'
import type { Store } from '../store/index.ts'

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/**
 * The keys that a server works with: a dropped one that only opened is left out, and the log says whose file can go.
 * @throws TelpherError key_dropped when the one that is to seal was dropped
 */
export const withoutDropped = async (
  { older, ...own }: Keyring,
  store: Pick<Store, 'sealed'>,
  warn: (fields: object, message: string) => void,
): Promise<Keyring> => {
  const dropped = await store.sealed.dropped()
  const at = dropped.get(own.kid)
  if (at !== undefined) throw new TelpherError('key_dropped', `the key ${own.kid} of TELPHER_KEY_FILE was dropped on ${dayOf(at)}`)
  for (const { kid } of older)
    if (dropped.has(kid)) warn({ kid }, 'this master key was dropped: take its file out of TELPHER_OLDER_KEY_FILES, and remove it')
  return { ...own, older: older.filter(({ kid }) => !dropped.has(kid)) }
}

export const lookAtOlderKeys = async (files: readonly string[], store: Pick<Store, 'sealed'>): Promise<OlderKeyFacts[]> => {
  if (files.length === 0) return []
  const dropped = await store.sealed.dropped()
  const lookAt = async (path: string): Promise<OlderKeyFacts> => {
    const key = await loadKeyFile(path).catch((thrown: Error) => thrown)
    if (key instanceof Error) return { path, trouble: key.message }
    const at = dropped.get(key.kid)
    return { path, ...(at === undefined ? {} : { droppedOn: dayOf(at) }) }
  }
  return Promise.all(files.map(lookAt))
}

import { quoted } from '../model/shell.ts'
import { type Finding, fail, ok, skip, warn } from './finding.ts'

/** What stat tells of a path; absent where nothing is there. */
export interface PathFacts {
  readonly path: string
  readonly found?: {
    readonly kind: 'file' | 'folder' | 'other'
    /** Permission bits. */
    readonly mode: number
    /** Whether it is this user's. */
    readonly own: boolean
    readonly writable: boolean
    readonly executable: boolean
  }
  /** Where nothing is there: whether this user may make it. */
  readonly makeable?: boolean
}

/** A file that holds a secret. */
export interface SecretFacts extends PathFacts {
  /** What is wrong with what it holds, where that was looked at; never the content. */
  readonly trouble?: string
}

/** A file of TELPHER_OLDER_KEY_FILES, as telpher doctor judges it. */
export interface OlderKeyFacts {
  readonly path: string
  /** What is wrong with it; absent where it is a key. */
  readonly trouble?: string
  /** The day on which its key was dropped. */
  readonly droppedOn?: string
}

export interface FileFacts {
  readonly dataFolder: PathFacts
  readonly keyFile: SecretFacts
  readonly tokenFile: SecretFacts
  /** The shim that TELPHER_SHIM names; `own` where a worker would build its own, absent where there is none. */
  readonly shim?: PathFacts | 'own'
  /** Free bytes of the disk below the data folder. */
  readonly freeDisk?: number
}

const octal = (mode: number): string => `0${(mode & 0o777).toString(8)}`
const gigabyte = 1e9
const leastDisk = gigabyte
const smallDisk = 5 * gigabyte

/** A secret that only its owner reads: 0400, or 0600 for who must change it by hand. */
const judgeSecret = (id: 'key-file' | 'token-file', { path, found, trouble }: SecretFacts, isRunning: boolean): Finding => {
  if (found === undefined && isRunning) return gone[id](path)
  if (found === undefined) return ok(id, `${path} is not there yet: the first start of a server makes it`)
  if (found.kind !== 'file')
    return fail(id, `${path} is not a file`, `mv ${quoted(path)} ${quoted(`${path}.old`)}   (a server makes a new one)`)
  if ((found.mode & 0o077) !== 0) return fail(id, `${path}: others may read it (mode ${octal(found.mode)})`, `chmod 0400 ${quoted(path)}`)
  if (!found.own) return fail(id, `${path} belongs to another user`, `sudo chown "$(id -u)" ${quoted(path)}`)
  if (trouble !== undefined) return fail(id, trouble, `Restore ${path} from a backup (mode 0400), and restart the server.`)
  return ok(id, `${path}, mode ${octal(found.mode)}`)
}

/** Files of keys that only open: nothing to say of those that are well. */
export const judgeOlderKeys = (keys: readonly OlderKeyFacts[]): Finding[] =>
  keys.flatMap(({ path, trouble, droppedOn }): Finding[] => {
    if (trouble !== undefined)
      return [
        {
          ...fail('key-file', `${trouble}: the server does not start again`, `Take ${path} out of TELPHER_OLDER_KEY_FILES, or restore it.`),
          subject: path,
        },
      ]
    if (droppedOn === undefined) return []
    const fix = `Take ${path} out of TELPHER_OLDER_KEY_FILES, and remove it.`
    return [{ ...warn('key-file', `the key in ${path} was dropped on ${droppedOn}`, fix), subject: path }]
  })

/** Under a running server: it goes on with what it has read, and does not start again with it. */
const gone: Readonly<Record<'key-file' | 'token-file', (path: string) => Finding>> = {
  'key-file': (path) =>
    fail(
      'key-file',
      `${path} is gone: at its next start the server makes another, which opens no credential`,
      `Restore ${path} from a backup (mode 0400) before the server ends.`,
    ),
  'token-file': (path) =>
    warn(
      'token-file',
      `${path} is gone: at its next start the server makes another, which no client has`,
      `Restore ${path} from a backup (mode 0400), or give the clients the new one.`,
    ),
}

const judgeFolder = ({ path, found, makeable }: PathFacts): Finding => {
  const id = 'data-folder'
  if (found === undefined)
    return makeable === true
      ? ok(id, `${path} is not there yet: the first start makes it`)
      : fail(
          id,
          `${path} is not there and cannot be made`,
          `sudo install -d -m 0700 -o "$(id -un)" ${quoted(path)}   (or name another: TELPHER_DATA_DIR)`,
        )
  if (found.kind !== 'folder') return fail(id, `${path} is not a folder`, 'Name another with TELPHER_DATA_DIR.')
  if (!found.writable) return fail(id, `${path} cannot be written`, `sudo chown "$(id -u)" ${quoted(path)} && chmod 0700 ${quoted(path)}`)
  if ((found.mode & 0o022) !== 0) return fail(id, `${path}: others may write it (mode ${octal(found.mode)})`, `chmod 0700 ${quoted(path)}`)
  return (found.mode & 0o077) === 0
    ? ok(id, `${path}, mode ${octal(found.mode)}`)
    : warn(id, `${path}: others may look into it (mode ${octal(found.mode)})`, `chmod 0700 ${quoted(path)}`)
}

const judgeDisk = (free: number | undefined, path: string): Finding => {
  if (free === undefined) return skip('disk', 'the disk does not tell')
  const seen = `${(free / gigabyte).toFixed(1)} GB free below ${path}`
  if (free < leastDisk) return fail('disk', seen, 'docker system prune   (or name a folder on another disk: TELPHER_DATA_DIR)')
  return free < smallDisk
    ? warn('disk', seen, 'docker system prune   (or name a folder on another disk: TELPHER_DATA_DIR)')
    : ok('disk', seen)
}

const judgeShim = (shim: FileFacts['shim']): Finding => {
  if (shim === 'own') return ok('shim', 'the worker builds its own from containers/shim')
  if (shim === undefined)
    return fail(
      'shim',
      'TELPHER_SHIM names none',
      'cd containers/shim && CGO_ENABLED=0 go build -o /usr/local/bin/telpher-shim . && export TELPHER_SHIM=/usr/local/bin/telpher-shim',
    )
  if (shim.found?.kind !== 'file') return fail('shim', `${shim.path} is not there`, 'Name the shim of this version with TELPHER_SHIM.')
  return shim.found.executable ? ok('shim', shim.path) : fail('shim', `${shim.path} cannot be run`, `chmod +x ${quoted(shim.path)}`)
}

/** Checks of what lies on the disk of this machine. */
export const judgeFiles = (facts: FileFacts): Finding[] => [
  judgeFolder(facts.dataFolder),
  judgeDisk(facts.freeDisk, facts.dataFolder.path),
  ...judgeSecrets(facts, false),
  judgeShim(facts.shim),
]

/**
 * Checks of the files that hold secrets.
 * @param isRunning whether a server has read them: then they must be there
 */
export const judgeSecrets = ({ keyFile, tokenFile }: Pick<FileFacts, 'keyFile' | 'tokenFile'>, isRunning: boolean): Finding[] => [
  judgeSecret('key-file', keyFile, isRunning),
  judgeSecret('token-file', tokenFile, isRunning),
]

import { createHash } from 'node:crypto'
import type { AttemptRef, JobRef, LockName } from '../model/deployment.ts'

/**
 * Every key of the store, with its hash tag: what one script touches carries one tag, so that it lies in one slot
 * of a Redis Cluster (redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec, hash tags).
 */
const prefix = 'tel:'

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Keys of one deployment: its record, jobs and whatever they leave behind. */
export interface DeploymentKeys {
  /** Hash: request, state, times. */
  readonly record: string
  /** Hash: job id -> JSON, job id + `#` -> version. */
  readonly jobs: string
  /** Hash: `admitted:`, `renewed:` and `settled:` + job id -> Redis time; `asked:` + job id -> what its attempt asked a broker last. */
  readonly marks: string
  /** Stream. */
  readonly events: string
  /** Hash: emitter -> number of its last stored batch. */
  readonly emitters: string
  /** Hash: id -> sealed JSON, of secrets that were given for this deployment alone. */
  readonly secrets: string
  /** Stream: what its jobs wrote and the record of who did what has not yet. */
  readonly outbox: string
}

/** Keys of one job's log and ledger. */
export interface JobKeys {
  /** Hash: next line, bytes, who appended what last. */
  readonly log: string
  /** Streams of chunks: the beginning is kept for good, the end is trimmed. */
  readonly logHead: string
  readonly logTail: string
  /** Hash: attempt and number -> JSON. */
  readonly ledger: string
}

export const deploymentKeys = (id: string): DeploymentKeys => {
  const at = (name: string): string => `${prefix}{${id}}:${name}`
  return {
    record: at('record'),
    jobs: at('jobs'),
    marks: at('marks'),
    events: at('events'),
    emitters: at('emitters'),
    secrets: at('secrets'),
    outbox: at('outbox'),
  }
}

export const jobKeys = ({ deploymentId, jobId }: JobRef): JobKeys => {
  const at = (name: string): string => `${prefix}{${deploymentId}}:${name}:${jobId}`
  return {
    log: at('log'),
    logHead: at('log-head'),
    logTail: at('log-tail'),
    ledger: at('ledger'),
  }
}

/** Keys of what an attempt was given, and of what came of fencing it. */
export const grantKeys = ({
  deploymentId,
  jobId,
  attempt,
}: AttemptRef): { readonly record: string; readonly fence: string; readonly fenceTurn: string } => ({
  /** Sealed JSON. */
  record: `${prefix}{${deploymentId}}:grant:${jobId}:${attempt}`,
  /** JSON. */
  fence: `${prefix}{${deploymentId}}:fence:${jobId}:${attempt}`,
  /** Which server fences it; expires with whoever died. */
  fenceTurn: `${prefix}{${deploymentId}}:fence:${jobId}:${attempt}:turn`,
})

/** Whose turn it is to sweep a target. */
export const sweepTurnKey = (target: string): string => `${prefix}{targets}:sweep:${target}`

/** Key of one lock, by the tag of its cluster. */
export const lockKey = ({ clusterId, namespace, subject }: LockName): string =>
  `${prefix}{cluster:${digest(clusterId).slice(0, 32)}}:lock:${namespace}/${subject}`

/** As in SCAN: the names of all locks and rooms, and of little else. */
export const heldPattern: string = `${prefix}{[cr][lo]*`
export const isLockKey = (key: string): boolean => key.startsWith(`${prefix}{cluster:`)

/** The places for rotations in one cluster. */
export const placeKeys = (clusterId: string): { readonly holders: string; readonly queue: string } => {
  const at = `${prefix}{places:${digest(clusterId).slice(0, 32)}}`
  return {
    /** Sorted set: holder by until when, Redis time in ms. */
    holders: `${at}:holders`,
    /** Hash: server -> since when it waits, and when it last asked. */
    queue: `${at}:queue`,
  }
}

/** Lists over all deployments: found again from the records by nobody, so kept with care. */
export const indexKeys: { readonly deployments: string; readonly active: string } = {
  /** Sorted set: id by creation time. */
  deployments: `${prefix}{index}:deployments`,
  /** Sorted set: id by creation time, until finished. */
  active: `${prefix}{index}:active`,
}

/** Stream that wakes the schedulers. */
export const wakeKey: string = `${prefix}{wake}:deployments`

export const targetKeys: { readonly records: string; readonly accounts: string; readonly uses: string } = {
  /** Hash: name -> JSON. */
  records: `${prefix}{targets}:records`,
  /** Hash: account id -> sealed JSON; account id + `#` + version -> sealed JSON of another version. */
  accounts: `${prefix}{targets}:accounts`,
  /** Hash: name + `#` + kind -> JSON, the last use of a target's account. */
  uses: `${prefix}{targets}:uses`,
}

/** The field of the last use of a target's account by deployments, or by servers. */
export const useField = (target: string, kind: string): string => `${target}#${kind}`

export const healthKeys: { readonly records: string; readonly turn: string } = {
  /** Hash: target's name -> JSON, what its checks came to. */
  records: `${prefix}{targets}:health`,
  /** Which server tries the targets; expires with whoever died. */
  turn: `${prefix}{targets}:health-turn`,
}

/** What is known of the rotation of accounts; it lies with them, so that a switch is one step. */
export const rotationKeys: { readonly due: string; readonly journal: (account: string) => string; readonly barrier: string } = {
  /** Sorted set: target by when its account is to be looked at, Redis time in ms. */
  due: `${prefix}{targets}:rotation-due`,
  /** Hash: `rotation` and `wish` as JSON, the latter perhaps with a sealed record; `fence`, and `until` when the turn is held. */
  journal: (account) => `${prefix}{targets}:rotation:${account}`,
  /** String: what is written to see that it lasts. */
  barrier: `${prefix}{targets}:rotation-barrier`,
}

/** The field of a version of an account that is not the used one. */
export const versionField = (account: string, version: number): string => `${account}#${version}`

export const workerKeys: { readonly records: string; readonly seen: string } = {
  /** Hash: id -> JSON; `id#drain` while it is asked to drain. */
  records: `${prefix}{workers}:records`,
  /** Sorted set: id by the Redis time of its last heartbeat. */
  seen: `${prefix}{workers}:seen`,
}

/** Hash: `size`, one field a sealed piece, and `key`: a sealed record, or what a producer sealed to the servers. */
export const packageKey = (id: string): string => `${prefix}{pkg:${id}}`

/** Hash: the pieces of one upload, of which nobody knows before it is complete; expires with an upload that was cut. */
export const uploadKey = (id: string, upload: string): string => `${packageKey(id)}:upload:${upload}`

/** Sorted set: id of a package by the time of its upload, ms since the epoch. */
export const packageIndexKey: string = `${prefix}{packages}:index`

/** String: what producers seal the keys of packages to, a public key in base64. */
export const uploadToKey: string = `${prefix}{signer}:upload-to`

export const checkKey = (id: string): string => `${prefix}{${id}}:report`

/** Hash: the worker that runs a check, and what it asked last. */
export const checkClaimKey = (id: string): string => `${prefix}{${id}}:claim`

/** Hash: id of a freeze -> JSON. */
export const freezesKey: string = `${prefix}{freezes}:records`

/** Hash: pool's name -> JSON; `NAME#scale` -> JSON, what its scaler remembers. */
export const poolsKey: string = `${prefix}{pools}:records`

/** Whose turn it is to scale the pools; expires with whoever died. */
export const scalerTurnKey: string = `${prefix}{pools}:turn`

/** Keys of a room: a bounded number of jobs is in it, and deployments stand before it in a fair order. */
export interface RoomKeys {
  /** Sorted set: deployment by its turn. */
  readonly queue: string
  /** Sorted set: `deployment/job` by when it came in. */
  readonly holders: string
  /** Sorted set: deployment by the turn that its next job gets at the earliest. */
  readonly turns: string
  /** Hash: the turn that was served last, and what each deployment in the queue last asked. */
  readonly asks: string
}

const roomKeysAt = (tag: string): RoomKeys => {
  const at = (name: string): string => `${prefix}{room:${tag}}:${name}`
  return { queue: at('queue'), holders: at('holders'), turns: at('turns'), asks: at('asks') }
}

export const roomKeys = (room: string): RoomKeys => roomKeysAt(digest(room).slice(0, 32))

/** The tag of a room by the name of one of its keys; undefined for one of something else. */
const roomTagOf = (key: string): string | undefined => /\{room:(\w+)\}/.exec(key)?.[1]

/** Of every room of which a key is among these, all of its keys. */
export const roomsAmong = (keys: readonly string[]): RoomKeys[] =>
  [...new Set(keys.map(roomTagOf))].flatMap((tag) => (tag === undefined ? [] : [roomKeysAt(tag)]))

/** Secrets of steps that are kept under a name. */
export const secretKeys: { readonly records: string; readonly sealed: string } = {
  /** Hash: name -> what may be shown, JSON. */
  records: `${prefix}{secrets}:records`,
  /** Hash: name -> sealed JSON. */
  sealed: `${prefix}{secrets}:sealed`,
}

/** Hash: producer's name -> JSON. */
export const producersKey: string = `${prefix}{producers}:records`

/** What producers submit, and a list for the one answer to each. */
export const inboxKeys: { readonly submissions: string; readonly answer: (id: string) => string } = {
  /** Stream, read by the servers as one group. */
  submissions: `${prefix}{inbox}:submissions`,
  answer: (id) => `${prefix}{inbox}:answer:${digest(id).slice(0, 32)}`,
}

/** Hash: fingerprint of a key of a pool -> JSON, signed by a server. */
export const enrolmentsKey: string = `${prefix}{enrolments}:records`

/** Hash: the key that servers sign with, sealed JSON. */
export const signerKey: string = `${prefix}{signer}:sealed`

/** Hash: id of a master key that was dropped -> ms since the epoch. */
export const droppedKeysKey: string = `${prefix}{keys}:dropped`

/** What workers ask the brokers, and a list for the answers to each worker. */
export const brokerKeys: { readonly requests: string; readonly answers: (pool: string, worker: string) => string } = {
  /** Stream, read by the servers as one group. */
  requests: `${prefix}{broker}:requests`,
  answers: (pool, worker) => `${prefix}{broker}:answers:${pool}:${worker}`,
}

/** Hash: image name -> ids, parted by spaces. */
export const imagePinsKey: string = `${prefix}{images}:pins`

/** The record of who did what. */
export const auditKeys: Readonly<Record<'inbox' | 'due' | 'cursors' | 'turn' | 'chain' | 'checkpoints' | 'marks', string>> = {
  /** Stream: entries that have no place yet. */
  inbox: `${prefix}{audit}:inbox`,
  /** Sorted set: deployment by how often something was put into its outbox. */
  due: `${prefix}{audit}:due`,
  /** Hash: deployment -> id of the last entry of its outbox that has a place. */
  cursors: `${prefix}{audit}:cursors`,
  /** The server whose turn it is to give places; expires with it. */
  turn: `${prefix}{audit}:turn`,
  /** Stream: the records in order, each with its number and hash. */
  chain: `${prefix}{audit}:chain`,
  /** Stream: places in the chain that a server signed, by number. */
  checkpoints: `${prefix}{audit}:checkpoints`,
  /** Hash: `head` and `base`, the signed ends of the chain. */
  marks: `${prefix}{audit}:marks`,
}

/** Stream: letters for one end of the pool's pipes, until it has read them; all of a pool in one slot, and none of another pool's. */
export const pipeKey = (pool: string, id: string): string => `${prefix}{pipe:${pool}}:to:${id}`

/** The key of a client is hashed: it may hold anything. */
export const idempotencyKey = (key: string): string => `${prefix}{idem:${digest(key)}}`

/** The id of everything that shares this Redis: it tells its containers from those of others on one engine. */
export const installationKey: string = `${prefix}{installation}`

export const schemaKeys: { readonly version: string; readonly oldest: string; readonly programs: string; readonly turn: string } = {
  /** The version of what is stored, a number. */
  version: `${prefix}{schema}:version`,
  /** The oldest version whose programs may use it, a number; absent where all may. */
  oldest: `${prefix}{schema}:oldest`,
  /** Sorted set: the version that a program knows and its name, by when it was last heard. */
  programs: `${prefix}{schema}:programs`,
  /** Who takes it to the next version now; expires with whoever died. */
  turn: `${prefix}{schema}:turn`,
}

/** Written before replicas are waited for, in the slot of what they are to have; by the tag of its key. */
export const replicatedKey = (key: string): string => `${prefix}${/\{[^}]*\}/.exec(key)?.[0] ?? ''}:replicated`

/** There while a restore is not complete: the time of the backup, ms since the epoch. */
export const restoreKey: string = `${prefix}{installation}:restore`

/** A key of the queue: BullMQ's own, of one pool. */
export const queueKeys: string = '{tel-pool-*}:jobs:*'

/** Every key of the store begins so. */
export const keyPrefix: string = prefix

import { keyPrefix, queueKeys } from './keys.ts'

/** What happens to the keys of one form: `*` stands for the part that differs. */
export interface RetentionRule {
  readonly keys: string
  readonly what: string
  /** How long or how many, in words of the settings (docs/reference/configuration.md). */
  readonly kept: string
  /**
   * How it goes. `expires`: each key has a TTL, a deployment's from its end on; the sweep may come before it.
   * `bounded`: the key stays, and this bounds what is in it.
   */
  readonly goes: 'expires' | 'bounded'
  readonly by: string
  /** In which Redis it is, where there are two. */
  readonly redis: 'state' | 'store'
}

type Row = readonly [keys: string, what: string, kept: string, goes: RetentionRule['goes'], by: string, redis: RetentionRule['redis']]

const ended = 'TELPHER_KEEP_DAYS after its end, the last TELPHER_KEEP_DEPLOYMENTS'
const swept = 'sweep; TTL from the end'
const logged = 'TELPHER_KEEP_LOG_DAYS after the last line; less when memory is short'

const recorded = 'TELPHER_KEEP_AUDIT_DAYS, the last TELPHER_KEEP_AUDIT_RECORDS'

const rows: readonly Row[] = [
  [`${keyPrefix}{dep_*}:record`, 'a deployment', ended, 'expires', swept, 'state'],
  [`${keyPrefix}{dep_*}:jobs`, 'its jobs', ended, 'expires', swept, 'state'],
  [`${keyPrefix}{dep_*}:marks`, 'times of its jobs', ended, 'expires', swept, 'state'],
  [`${keyPrefix}{dep_*}:events`, 'its events, about the last 10,000', ended, 'expires', `${swept}; trimmed`, 'state'],
  [`${keyPrefix}{dep_*}:emitters`, 'who wrote which events', ended, 'expires', swept, 'state'],
  [`${keyPrefix}{dep_*}:secrets`, 'secrets that were given for it alone, sealed', ended, 'expires', swept, 'state'],
  [
    `${keyPrefix}{dep_*}:outbox`,
    'what its jobs wrote, on its way into the record of who did what',
    'until it is there',
    'expires',
    'removed when recorded; TTL as of the ledger',
    'state',
  ],
  [`${keyPrefix}{dep_*}:ledger:*`, 'what a job wrote to the cluster', ended, 'expires', 'sweep; TTL from the last write', 'state'],
  [
    `${keyPrefix}{dep_*}:grant:*`,
    'the tokens of an attempt, sealed',
    'until the attempt ends; a minute longer than they live',
    'expires',
    'removed when revoked; TTL',
    'state',
  ],
  [`${keyPrefix}{dep_*}:fence:*`, 'what came of fencing a lost attempt, and which server does it', '10 minutes', 'expires', 'TTL', 'state'],
  [
    `${keyPrefix}{dep_*}:log*:*`,
    'the log of a job: TELPHER_LOG_KEEP_MB, half of its beginning, half of its end',
    logged,
    'expires',
    'sweep; TTL from the last line',
    'store',
  ],
  [
    `${keyPrefix}{pkg:*}`,
    'a package, sealed',
    'while a kept deployment refers to it, and an hour after its last use',
    'expires',
    'sweep; TTL as a net below it',
    'store',
  ],
  [`${keyPrefix}{pkg:*}:upload:*`, 'a package on its way, in ciphertext', 'an hour after its last piece', 'expires', 'TTL', 'store'],
  [`${keyPrefix}{*}:replicated`, 'written before replicas are waited for', 'a second', 'expires', 'TTL', 'state'],
  [`${keyPrefix}{packages}:index`, 'the packages', 'one entry a package', 'bounded', 'sweep', 'store'],
  [`${keyPrefix}{index}:deployments`, 'the deployments', 'one entry a deployment', 'bounded', 'sweep', 'state'],
  [`${keyPrefix}{index}:active`, 'those not finished', 'one entry a deployment', 'bounded', 'taken off at the end', 'state'],
  [`${keyPrefix}{cluster:*}:lock:*`, 'who holds and awaits a lock', 'while somebody does', 'bounded', 'deleted when free', 'state'],
  [`${keyPrefix}{places:*}:holders`, 'whose accounts of a cluster are rotated now', '30 seconds', 'expires', 'TTL', 'state'],
  [`${keyPrefix}{places:*}:queue`, 'which servers wait to rotate in a cluster', '30 seconds', 'expires', 'TTL', 'state'],
  [`${keyPrefix}{wake}:deployments`, 'wakes of the schedulers', 'about the last 10,000', 'bounded', 'trimmed', 'state'],
  [`${keyPrefix}{targets}:records`, 'the targets', 'until removed', 'bounded', 'telpher target remove', 'state'],
  [`${keyPrefix}{targets}:accounts`, 'their sealed accounts', 'until removed', 'bounded', 'telpher target remove', 'state'],
  [
    `${keyPrefix}{targets}:rotation:*`,
    'how far the rotation of an account has come; a credential that was given for it, sealed',
    'until the target is removed',
    'bounded',
    'telpher target remove',
    'state',
  ],
  [`${keyPrefix}{targets}:rotation-due`, 'when accounts are looked at', 'one entry a target', 'bounded', 'telpher target remove', 'state'],
  [`${keyPrefix}{targets}:rotation-barrier`, 'what is written to see that it lasts', '10 minutes', 'expires', 'TTL', 'state'],
  [`${keyPrefix}{targets}:sweep:*`, 'whose turn it is to revoke what ended attempts left', 'a minute', 'expires', 'TTL', 'state'],
  [`${keyPrefix}{targets}:uses`, 'when the accounts were last used', 'two entries a target', 'bounded', 'telpher target remove', 'state'],
  [`${keyPrefix}{targets}:health`, 'how the targets were when last tried', 'one entry a target', 'bounded', 'the next look', 'state'],
  [`${keyPrefix}{targets}:health-turn`, 'which server tries the targets', '20 seconds', 'expires', 'TTL', 'state'],
  [`${keyPrefix}{images}:pins`, 'ids of images that workers may start', 'until removed', 'bounded', 'telpher image pin --remove', 'state'],
  [
    `${keyPrefix}{freezes}:records`,
    'where nothing new begins',
    'until lifted or over',
    'bounded',
    'telpher unfreeze; the next look',
    'state',
  ],
  [`${keyPrefix}{pools}:records`, 'the pools', 'until removed', 'bounded', 'telpher pool remove', 'state'],
  [`${keyPrefix}{pools}:turn`, 'which server scales the pools', '15 seconds', 'expires', 'TTL', 'state'],
  [
    `${keyPrefix}{room:*}:*`,
    'whose turn it is in a pool, at a target, in a cluster',
    'while somebody is',
    'bounded',
    'deleted when empty',
    'state',
  ],
  [`${keyPrefix}{secrets}:records`, 'the names of secrets', 'until removed', 'bounded', 'telpher secret remove', 'state'],
  [`${keyPrefix}{secrets}:sealed`, 'their sealed values', 'until removed', 'bounded', 'telpher secret remove', 'state'],
  [`${keyPrefix}{producers}:records`, 'the public keys of producers', 'until removed', 'bounded', 'telpher producer remove', 'state'],
  [
    `${keyPrefix}{inbox}:submissions`,
    'what producers submit',
    'until a server took it; at most about 10,000',
    'bounded',
    'removed when answered; trimmed',
    'state',
  ],
  [`${keyPrefix}{inbox}:answer:*`, 'the answer to a submission', '10 minutes', 'expires', 'TTL', 'state'],
  [`${keyPrefix}{enrolments}:records`, 'the public keys of pools, signed', 'until revoked', 'bounded', 'telpher pool revoke', 'state'],
  [`${keyPrefix}{signer}:sealed`, 'the key that servers sign with, sealed', 'for good', 'bounded', 'nothing', 'state'],
  [`${keyPrefix}{signer}:upload-to`, 'what producers encrypt packages to', 'for good', 'bounded', 'nothing', 'state'],
  [`${keyPrefix}{keys}:dropped`, 'the ids of master keys that were dropped', 'for good', 'bounded', 'nothing', 'state'],
  [
    `${keyPrefix}{broker}:requests`,
    'what workers ask the brokers',
    'until answered; at most about 10,000',
    'bounded',
    'removed when answered; trimmed',
    'state',
  ],
  [`${keyPrefix}{broker}:answers:*`, 'the answers to a worker, sealed to it', 'until it took them; 2 minutes', 'expires', 'TTL', 'state'],
  [`${keyPrefix}{workers}:records`, 'the workers', 'an hour unheard', 'bounded', 'the next heartbeat of any worker', 'state'],
  [`${keyPrefix}{workers}:seen`, 'when they were heard', 'an hour unheard', 'bounded', 'the next heartbeat of any worker', 'state'],
  [
    `${keyPrefix}{pipe:*}:to:*`,
    'what goes through the pipes of a pool, in ciphertext',
    '5 seconds unread',
    'expires',
    'trimmed when read; TTL',
    'state',
  ],
  [`${keyPrefix}{chk_*}:claim`, 'which worker runs a target check', '10 minutes', 'expires', 'TTL', 'state'],
  [`${keyPrefix}{chk_*}:report`, 'the report of a target check', '10 minutes', 'expires', 'TTL', 'state'],
  [`${keyPrefix}{idem:*}`, 'the answer under an Idempotency-Key', 'a day', 'expires', 'TTL', 'state'],
  [`${keyPrefix}{audit}:chain`, 'who did what', recorded, 'bounded', 'sweep', 'state'],
  [`${keyPrefix}{audit}:checkpoints`, 'signed places in it', recorded, 'bounded', 'sweep', 'state'],
  [`${keyPrefix}{audit}:marks`, 'its signed ends', 'for good', 'bounded', 'nothing', 'state'],
  [`${keyPrefix}{audit}:inbox`, 'what is to be recorded', 'until it is, within a second', 'bounded', 'removed when recorded', 'state'],
  [`${keyPrefix}{audit}:due`, 'deployments with something to be recorded', 'until it is', 'bounded', 'removed when recorded', 'state'],
  [`${keyPrefix}{audit}:cursors`, 'how much of each deployment is recorded', 'one entry a deployment', 'bounded', 'sweep', 'state'],
  [`${keyPrefix}{audit}:turn`, 'which server records', '10 seconds', 'expires', 'TTL', 'state'],
  [`${keyPrefix}{installation}`, 'the id of this installation', 'for good', 'bounded', 'nothing', 'state'],
  [`${keyPrefix}{installation}:restore`, 'that a restore was begun', 'until it is complete', 'bounded', 'telpher restore', 'state'],
  [`${keyPrefix}{schema}:version`, 'the version of what is stored', 'for good', 'bounded', 'nothing', 'state'],
  [`${keyPrefix}{schema}:oldest`, 'the oldest version whose programs may use it', 'for good', 'bounded', 'nothing', 'state'],
  [
    `${keyPrefix}{schema}:programs`,
    'programs that use it, and the version that each knows',
    'while they run',
    'bounded',
    'taken off at the end, or after 30 seconds',
    'state',
  ],
  [`${keyPrefix}{schema}:turn`, 'who takes it to the next version', '30 seconds', 'expires', 'TTL', 'state'],
  [queueKeys, 'the queue of a pool (BullMQ)', 'items until done, the last 100 events', 'bounded', 'removed when done; trimmed', 'state'],
]

/** Everything that is ever written, and how it goes: docs/reference/retention.md is tested against it, and it against a real Redis. */
export const retentionRules: readonly RetentionRule[] = rows.map(([keys, what, kept, goes, by, redis]) => ({
  keys,
  what,
  kept,
  goes,
  by,
  redis,
}))

const escaped = (text: string): string => text.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')

const patterns: readonly (readonly [RegExp, RetentionRule])[] = retentionRules.map((rule) => [
  new RegExp(`^${rule.keys.split('*').map(escaped).join('.*')}$`),
  rule,
])

/** The rule of a key; undefined for one that nobody of ours writes. */
export const ruleOf = (key: string): RetentionRule | undefined => patterns.find(([pattern]) => pattern.test(key))?.[1]

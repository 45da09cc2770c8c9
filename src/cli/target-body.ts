import type { NewCredential } from '../credentials/account.ts'
import type { Place } from '../credentials/kubeconfig.ts'
import type { AccountMode, Target } from '../model/target.ts'
import type { Cli } from './context.ts'
import { gracesOf } from './graces.ts'
import { wholeNumber } from './number.ts'
import { seconds } from './seconds.ts'

/** What a target is besides its place and its credential. */
export interface TargetFlags {
  readonly namespace?: readonly string[]
  readonly tag?: readonly string[]
  readonly pool?: string
  readonly grant?: readonly string[]
  readonly settle?: string
  readonly grace?: readonly string[]
  readonly trials?: boolean
  readonly limit?: string
  readonly clusterLimit?: string
  readonly alternate?: readonly string[]
  readonly rotateEvery?: string
  readonly mode: AccountMode
  readonly timeout: string
}

/** The API server's address from within its cluster (Kubernetes docs: accessing the API from a pod). */
const inClusterServer = 'https://kubernetes.default.svc'

/** What can be said of a target before anything is known of its place. @throws TelpherError usage that names the option */
export const targetSettings = (flags: TargetFlags): object => ({
  ...(flags.alternate === undefined ? {} : { alternates: flags.alternate }),
  ...(flags.tag === undefined ? {} : { tags: flags.tag }),
  ...(flags.pool === undefined ? {} : { pool: flags.pool }),
  ...(flags.settle === undefined ? {} : { settleSeconds: seconds(flags.settle, '--settle', 0) }),
  ...(flags.grace === undefined ? {} : { graces: gracesOf(flags.grace) }),
  ...(flags.limit === undefined ? {} : { limit: wholeNumber('--limit', flags.limit, 10_000) }),
  ...(flags.clusterLimit === undefined ? {} : { clusterLimit: wholeNumber('--cluster-limit', flags.clusterLimit, 10_000) }),
  ...(flags.rotateEvery === undefined ? {} : { rotateSeconds: seconds(flags.rotateEvery, '--rotate-every', 0) }),
  ...(flags.trials === undefined ? {} : { trials: flags.trials }),
})

/** A new target as the server takes it. @param settings of targetSettings */
export const targetBody = (name: string, place: Place, credential: NewCredential, flags: TargetFlags, settings: object): object => {
  const namespaces = flags.namespace ?? []
  const isAllowed = place.namespace !== undefined && (namespaces.length === 0 || namespaces.includes(place.namespace))
  const namespace = isAllowed ? place.namespace : namespaces[0]
  return {
    name,
    server: flags.mode === 'in-cluster' ? inClusterServer : place.server,
    ca: place.ca,
    ...(place.tlsServerName === undefined || flags.mode === 'in-cluster' ? {} : { tlsServerName: place.tlsServerName }),
    ...(namespace === undefined ? {} : { namespace }),
    ...settings,
    policy: { namespaces, ...(flags.grant === undefined ? {} : { grants: flags.grant }) },
    credential,
  }
}

/** What there is to know of a target that was added. */
export const sayOfAdded = (cli: Cli, { policy, trials, account: { expiresAt } }: Target): void => {
  if (policy.namespaces.length === 0) cli.say('It may write to every namespace that its account may: limit it with --namespace.')
  if (trials === true) cli.say('It is for trials: workers without isolation may run its steps. Do not use it for what matters.')
  if (expiresAt !== undefined)
    cli.say(`Its credential ${expiresAt > Date.now() ? 'expires' : 'expired'} at ${new Date(expiresAt).toISOString()}.`)
}

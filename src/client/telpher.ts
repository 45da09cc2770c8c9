import { randomUUID } from 'node:crypto'
import type { CheckReport } from '../model/check.ts'
import type { Deployment } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import type { Graces } from '../model/graces.ts'
import { Secret } from '../model/secret.ts'
import type { SecretSummary } from '../model/stepsecret.ts'
import type { PolicyGrant, Target } from '../model/target.ts'
import { findEndpoint, readToken } from './endpoint.ts'
import { type Client, createClient } from './http.ts'
import { insist, untilAnswered } from './insist.ts'
import { type Destination, type LocalSteps, planLocal } from './plan.ts'
import { type Run, runOf } from './run.ts'

export interface ConnectOptions {
  /** Such as http://127.0.0.1:7373; else TELPHER_SERVER, else the server that was started in this folder or one above it. */
  readonly server?: string
  /** The bearer token itself, from a secret store; else that of `tokenFile`. */
  readonly token?: string
  /** A file with the token; else TELPHER_TOKEN_FILE, else what the server announced. */
  readonly tokenFile?: string
  /** What paths are relative to; the folder of the process when absent. */
  readonly cwd?: string
}

/** Where a deployment goes, and under which key it is started once. */
export interface StartOptions extends Destination {
  /** The same key starts the same deployment only once; a new one each time when absent. */
  readonly idempotencyKey?: string
}

/** One step, or several that run one after the other on each target. */
export type DeployOptions = StartOptions & LocalSteps

export interface ListQuery {
  /** At most so many, 1 to 100; 20 when absent. */
  readonly limit?: number
  /** The page after this deployment. */
  readonly cursor?: string
  /** As GET /v1/deployments takes them: status, target, namespace, name, tag, since, until. */
  readonly filters?: Readonly<Record<string, string>>
}

/** A target as it is added; what it may leave out is what the command line leaves out. */
export interface TargetInput {
  readonly name: string
  /** https:// address of the API server. */
  readonly server: string
  /** PEM of the authorities that its certificate must chain to; the system's when absent. */
  readonly ca?: string
  readonly tlsServerName?: string
  /** Where objects go that name no namespace. */
  readonly namespace?: string
  readonly tags?: readonly string[]
  readonly pool?: string
  readonly settleSeconds?: number
  readonly graces?: Graces
  readonly policy?: { readonly namespaces?: readonly string[]; readonly grants?: readonly PolicyGrant[] }
  /** It is sealed by the server, and never given back. */
  readonly credential:
    | { readonly kind: 'bearer'; readonly token: string }
    | { readonly kind: 'client-certificate'; readonly certificate: string; readonly key: string }
    | { readonly kind: 'federated' }
}

/**
 * A Telpher server, from a program. Every error is a TelpherError with a code of `errorTable`; an aborted signal throws its own reason.
 */
export interface Telpher {
  readonly url: string
  /**
   * Packs, uploads and starts.
   * @throws TelpherError before anything is sent for what no worker could take; unknown_target, redis_full, server_unreachable
   */
  deploy(options: DeployOptions): Promise<Run>
  /** A deployment that was started before. @throws TelpherError unknown_deployment */
  run(id: string): Promise<Run>
  list(query?: ListQuery): Promise<{ readonly deployments: readonly Deployment[]; readonly next?: string }>
  /** The failed part once more. @throws TelpherError nothing_failed, deployment_running, package_expired */
  retry(id: string, options?: Pick<StartOptions, 'idempotencyKey'>): Promise<Run>
  /** Everything once more, with the same packages and inputs. */
  rerun(id: string, options?: Pick<StartOptions, 'idempotencyKey'>): Promise<Run>
  /** How it was after that deployment. @throws TelpherError never_succeeded, package_expired */
  rollback(id: string, options?: Pick<StartOptions, 'idempotencyKey'>): Promise<Run>
  /** Secrets of steps, kept under a name: `helm.setSecret` names them. No value can be read back. */
  readonly secrets: {
    list(): Promise<readonly SecretSummary[]>
    /** @throws TelpherError invalid_input for what is empty, longer than 8 KiB or not UTF-8 */
    set(name: string, value: string): Promise<SecretSummary>
    /** @throws TelpherError unknown_secret */
    remove(name: string): Promise<void>
  }
  readonly targets: {
    list(): Promise<readonly Target[]>
    /** @throws TelpherError unknown_target */
    get(name: string): Promise<Target>
    /** @throws TelpherError target_exists, invalid_input */
    add(target: TargetInput): Promise<Target>
    /** @throws TelpherError unknown_target, target_in_use */
    remove(name: string): Promise<void>
    /**
     * Tries a target from a worker of its pool.
     * @param options.timeoutMs 60,000 when absent
     * @throws TelpherError wait_timed_out when no worker took it in time
     */
    check(name: string, options?: { readonly timeoutMs?: number }): Promise<CheckReport>
  }
}

const checkTarget = async (client: Client, name: string, timeoutMs: number): Promise<CheckReport> => {
  const { id } = await client.startCheck(name)
  for (const end = performance.now() + timeoutMs; performance.now() < end; ) {
    const report = await insist(() => client.check(name, id))
    if (report !== undefined) return report
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new TelpherError('wait_timed_out', `no worker has checked ${name} within ${timeoutMs / 1000} s`)
}

const clientOf = async ({ server, token, tokenFile, cwd = process.cwd() }: ConnectOptions): Promise<Client> => {
  if (server !== undefined && token !== undefined) return createClient(server.replace(/\/+$/, ''), new Secret(token))
  const endpoint = await findEndpoint({ server, tokenFile, env: process.env, cwd })
  return createClient(endpoint.url, token === undefined ? await readToken(endpoint.tokenFile) : new Secret(token))
}

/**
 * A server to talk to. Nothing is asked of it before the first call.
 * @throws TelpherError server_unreachable when none is named or found, unauthorized when there is no token for it
 */
export const connect = async (options: ConnectOptions = {}): Promise<Telpher> => {
  const { cwd = process.cwd() } = options
  const client = await clientOf(options)
  const again = async (verb: 'retry' | 'rerun' | 'rollback', id: string, key: string = randomUUID()): Promise<Run> => {
    const { deployment } = await untilAnswered(() => client.again(id, verb, key))
    return runOf(client, deployment.id)
  }
  return {
    url: client.url,
    async deploy(given) {
      const { planned, request } = await planLocal(given, cwd)
      for (const { bytes, sha256 } of planned) await untilAnswered(() => client.uploadPackage(bytes, sha256))
      const { idempotencyKey: key = randomUUID() } = given
      const { deployment } = await untilAnswered(() => client.deploy(request, key))
      return runOf(client, deployment.id)
    },
    run: async (id) => runOf(client, (await client.deployment(id)).deployment.id),
    list: ({ limit = 20, cursor, filters } = {}) => client.deployments(limit, cursor, filters),
    retry: (id, { idempotencyKey } = {}) => again('retry', id, idempotencyKey),
    rerun: (id, { idempotencyKey } = {}) => again('rerun', id, idempotencyKey),
    rollback: (id, { idempotencyKey } = {}) => again('rollback', id, idempotencyKey),
    secrets: {
      list: () => client.secrets(),
      set: (name, value) => client.setSecret(name, value),
      remove: (name) => client.removeSecret(name),
    },
    targets: {
      list: () => client.targets(),
      get: (name) => client.target(name),
      add: (target) => client.addTarget(target),
      remove: (name) => client.removeTarget(name),
      check: (name, { timeoutMs = 60_000 } = {}) => checkTarget(client, name, timeoutMs),
    },
  }
}

import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { z } from 'zod'
import { isNetwork } from './cluster/addresses.ts'
import { TelpherError } from './model/errors.ts'
import { type SkewPolicy, skewPolicies, type UnpinnedPolicy, unpinnedPolicies } from './model/image.ts'
import { parseRedisAddress } from './model/redis-address.ts'
import { nameSchema } from './model/target.ts'
import { defaultMaxStarts } from './model/worker.ts'

/** What a server or worker process is told from outside. */
export interface Config {
  redisUrl: string
  /** Redis of logs and packages; the same one as that of the states unless told otherwise. */
  storeRedisUrl: string
  /** Where key file, token file and logs lie. */
  dataDir: string
  /** File of the master key that seals accounts, mode 0400. */
  keyFile: string
  /** File of the key that workers prove their pool with, mode 0600. */
  poolKeyFile: string
  /** Files of keys that only open what they sealed. */
  olderKeyFiles: readonly string[]
  /** File of the bearer token of the HTTP API, mode 0400. */
  tokenFile: string
  host: string
  /** 0 means a free one. */
  port: number
  /** https:// address under which API servers find the documents of the mode federated, without a slash at its end. */
  issuerUrl?: string
  /** Between two checks of each target, in ms; 0 for never. */
  targetCheckMs: number
  /** Addresses and networks that targets may have although they are refused otherwise, such as this host. */
  targetNetworks: readonly string[]
  pool: string
  workerName: string
  /** Steps that one worker runs at the same time. */
  concurrency: number
  /** The most containers that one worker keeps waiting for steps; 0 for none. */
  warm: number
  /** How steps are run: in containers, or for trials as processes of this machine, without isolation. */
  executor: 'docker' | 'process'
  dockerSocket: string
  /** The static shim binary that containers are started with. */
  shimPath: string
  /** Execution image of every step that names none; absent where it is chosen by the version of each target's API server. */
  image?: string
  /** What is done about an API server that no execution image is made for. */
  versionSkew: SkewPolicy
  /** What is done about an image that is not pinned to ids. */
  unpinnedImages: UnpinnedPolicy
  /** Memory of one execution container, in MiB. */
  memoryMb: number
  cpus: number
  /** How long a worker that is to end lets its steps run on, in ms; then it hands them back. */
  drainMs: number
  /** Port of the worker's health endpoints; 0 means a free one. */
  healthPort: number
  /** Address that they listen on. */
  healthHost: string
  /** Kubeconfig of the cluster whose Deployments of workers the server scales; its own cluster, when it runs in one, when absent. */
  scalerKubeconfig?: string
  /** The context of it. */
  scalerContext: string
  /** How much of one job's log is kept, half of its beginning and half of its end, in MB. */
  logKeepMb: number
  /** How often a job is started whose workers die under it. */
  maxStarts: number
  /** How long finished deployments are kept, their logs, and the record of who did what, and how many deployments and records at most. */
  keep: {
    readonly deploymentMs: number
    readonly logMs: number
    readonly deployments: number
    readonly auditMs: number
    readonly auditRecords: number
  }
  logLevel: 'debug' | 'info' | 'warn' | 'error'
}

const defaultName = (): string =>
  hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63) || 'worker'

const integer = (low: number, high: number, fallback: number) => z.coerce.number().int().min(low).max(high).default(fallback)

const dayMs = 86_400_000

/** As written: whoever connects reads it and its files. */
const redisUrl = z.string().superRefine((text, context) => {
  try {
    parseRedisAddress(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'invalid' })
  }
})

const schema = z.object({
  TELPHER_REDIS_URL: redisUrl.default('redis://127.0.0.1:6379'),
  TELPHER_STORE_REDIS_URL: redisUrl.optional(),
  TELPHER_DATA_DIR: z.string().min(1).default('.telpher'),
  TELPHER_KEY_FILE: z.string().optional(),
  TELPHER_OLDER_KEY_FILES: z
    .string()
    .default('')
    .transform((files) => files.split(',').filter((file) => file !== '')),
  TELPHER_POOL_KEY_FILE: z.string().optional(),
  TELPHER_TOKEN_FILE: z.string().optional(),
  TELPHER_HOST: z.string().default('127.0.0.1'),
  TELPHER_PORT: integer(0, 65_535, 7373),
  TELPHER_ISSUER_URL: z
    .url({ protocol: /^https$/, error: 'use an https:// address' })
    .refine((url) => !/[?#@\s]/.test(url), 'give the address alone, without user, query or fragment')
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
  TELPHER_TARGET_CHECK_SECONDS: integer(0, 86_400, 300),
  TELPHER_TARGET_NETWORKS: z
    .string()
    .default('')
    .transform((networks) => networks.split(',').filter((network) => network !== ''))
    .refine((networks) => networks.every(isNetwork), 'give addresses, or networks as 10.0.0.0/8, with commas between'),
  TELPHER_POOL: nameSchema.default('default'),
  TELPHER_WORKER_NAME: nameSchema.optional(),
  TELPHER_CONCURRENCY: integer(1, 64, 4),
  TELPHER_WARM_CONTAINERS: z.coerce.number().int().min(0).max(64).optional(),
  TELPHER_EXECUTOR: z.enum(['docker', 'process']).default('docker'),
  TELPHER_DOCKER_SOCKET: z.string().default('/var/run/docker.sock'),
  TELPHER_SHIM: z.string().default(''),
  TELPHER_IMAGE: z.string().min(1).max(255).optional(),
  TELPHER_VERSION_SKEW: z.enum(skewPolicies).default('warn'),
  TELPHER_UNPINNED_IMAGES: z.enum(unpinnedPolicies).default('run'),
  TELPHER_MEMORY_MB: integer(32, 65_536, 512),
  TELPHER_CPUS: z.coerce.number().min(0.1).max(64).default(1),
  TELPHER_HEALTH_PORT: integer(0, 65_535, 0),
  TELPHER_HEALTH_HOST: z.string().min(1).default('127.0.0.1'),
  TELPHER_SCALER_KUBECONFIG: z.string().min(1).optional(),
  TELPHER_SCALER_CONTEXT: z.string().min(1).default('default'),
  TELPHER_DRAIN_SECONDS: integer(0, 86_400, 900),
  TELPHER_LOG_KEEP_MB: integer(1, 1024, 16),
  TELPHER_MAX_STARTS: integer(1, 100, defaultMaxStarts),
  TELPHER_KEEP_DAYS: integer(1, 3650, 90),
  TELPHER_KEEP_DEPLOYMENTS: integer(1, 1_000_000, 10_000),
  TELPHER_KEEP_LOG_DAYS: integer(1, 3650, 30),
  TELPHER_KEEP_AUDIT_DAYS: integer(1, 3650, 365),
  TELPHER_KEEP_AUDIT_RECORDS: integer(1000, 10_000_000, 200_000),
  TELPHER_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
})

/** The variables that are read. */
export const variableNames: readonly string[] = Object.keys(schema.shape)

/**
 * Reads the configuration from environment variables once, at start.
 * @param env such as process.env; variables that do not begin with TELPHER_ are not looked at
 * @throws TelpherError invalid_input that names the first bad variable
 */
export const loadConfig = (env: Readonly<Record<string, string | undefined>>): Config => {
  const parsed = schema.safeParse(env)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const field = String(issue?.path[0] ?? 'environment')
    throw new TelpherError('invalid_input', `${field}: ${issue?.message ?? 'invalid'}`, { field })
  }
  const read = parsed.data
  const dataDir = resolve(read.TELPHER_DATA_DIR)
  return {
    redisUrl: read.TELPHER_REDIS_URL,
    storeRedisUrl: read.TELPHER_STORE_REDIS_URL ?? read.TELPHER_REDIS_URL,
    dataDir,
    keyFile: read.TELPHER_KEY_FILE ?? resolve(dataDir, 'master.key'),
    olderKeyFiles: read.TELPHER_OLDER_KEY_FILES,
    poolKeyFile: read.TELPHER_POOL_KEY_FILE ?? resolve(dataDir, 'pool.key'),
    tokenFile: read.TELPHER_TOKEN_FILE ?? resolve(dataDir, 'token'),
    host: read.TELPHER_HOST,
    port: read.TELPHER_PORT,
    ...(read.TELPHER_ISSUER_URL === undefined ? {} : { issuerUrl: read.TELPHER_ISSUER_URL }),
    targetCheckMs: read.TELPHER_TARGET_CHECK_SECONDS * 1000,
    targetNetworks: read.TELPHER_TARGET_NETWORKS,
    pool: read.TELPHER_POOL,
    workerName: read.TELPHER_WORKER_NAME ?? defaultName(),
    concurrency: read.TELPHER_CONCURRENCY,
    warm: read.TELPHER_WARM_CONTAINERS ?? read.TELPHER_CONCURRENCY,
    executor: read.TELPHER_EXECUTOR,
    dockerSocket: read.TELPHER_DOCKER_SOCKET,
    shimPath: read.TELPHER_SHIM,
    ...(read.TELPHER_IMAGE === undefined ? {} : { image: read.TELPHER_IMAGE }),
    versionSkew: read.TELPHER_VERSION_SKEW,
    unpinnedImages: read.TELPHER_UNPINNED_IMAGES,
    memoryMb: read.TELPHER_MEMORY_MB,
    cpus: read.TELPHER_CPUS,
    drainMs: read.TELPHER_DRAIN_SECONDS * 1000,
    healthPort: read.TELPHER_HEALTH_PORT,
    healthHost: read.TELPHER_HEALTH_HOST,
    ...(read.TELPHER_SCALER_KUBECONFIG === undefined ? {} : { scalerKubeconfig: resolve(read.TELPHER_SCALER_KUBECONFIG) }),
    scalerContext: read.TELPHER_SCALER_CONTEXT,
    logKeepMb: read.TELPHER_LOG_KEEP_MB,
    maxStarts: read.TELPHER_MAX_STARTS,
    keep: {
      deploymentMs: read.TELPHER_KEEP_DAYS * dayMs,
      logMs: read.TELPHER_KEEP_LOG_DAYS * dayMs,
      deployments: read.TELPHER_KEEP_DEPLOYMENTS,
      auditMs: read.TELPHER_KEEP_AUDIT_DAYS * dayMs,
      auditRecords: read.TELPHER_KEEP_AUDIT_RECORDS,
    },
    logLevel: read.TELPHER_LOG_LEVEL,
  }
}

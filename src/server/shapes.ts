import { z } from '@hono/zod-openapi'
import { checkRungs } from '../model/check.ts'
import { lineageKinds } from '../model/deployment.ts'
import { checkStatuses } from '../model/doctor.ts'
import { federationNamesSchema, publicKeySchema } from '../model/federation.ts'
import { healthSchema } from '../model/health.ts'
import { poolStates } from '../model/pool.ts'
import { rotationStates } from '../model/rotation.ts'
import { jobStatuses, terminalStatuses } from '../model/states.ts'
import { deploymentRequestSchema, stepSchema } from '../model/step.ts'
import { accountModes, targetSchema } from '../model/target.ts'
import { failureClasses } from '../model/verdict.ts'

/** What answers look like: for the OpenAPI document, and for the test that holds real answers against them. */

const time = z.number().int().openapi({ description: 'ms since the epoch' })
const result = z.enum(['success', 'failure', 'error', 'timeout', 'cancellation', 'skip'])
const runState = z.enum(['pending', 'executing', 'finalizing', 'finished'])
const objectStatus = z.enum(['Current', 'InProgress', 'Failed', 'Terminating', 'NotFound', 'Unknown', 'Suspended'])

const objectRef = z.object({
  group: z.string(),
  version: z.string(),
  resource: z.string(),
  kind: z.string().optional(),
  namespace: z.string().optional(),
  name: z.string(),
  uid: z.string().optional(),
  generation: z.number().optional(),
})

const progress = z.object({ ref: objectRef, assessment: z.object({ status: objectStatus, message: z.string(), rule: z.string() }) })

const failure = z
  .object({
    class: z.enum(failureClasses),
    sentence: z.string(),
    object: objectRef,
    chain: z.array(z.object({ kind: z.string(), name: z.string(), message: z.string() })),
    lastLines: z.array(z.string()),
  })
  .openapi('Failure')

const end = z.object({ status: z.enum(terminalStatuses), sentence: z.string(), code: z.string().optional() })

const tools = z.object({
  image: z.string(),
  imageId: z.string().optional(),
  kubectl: z.string().optional(),
  helm: z.string().optional(),
  server: z.string().optional(),
})

const loss = z.object({
  attempt: z.number().int(),
  worker: z.string(),
  name: z.string().optional(),
  because: z.string(),
  at: time,
  heardAt: time.optional(),
  renewedAt: time,
  openWrites: z.number().int().optional(),
  writes: z.number().int(),
  wrote: z.array(z.string()),
})

const trace = z.object({ traceId: z.string(), spanId: z.string(), sampled: z.boolean() })

const job = z
  .object({
    deploymentId: z.string(),
    jobId: z.string(),
    status: z.enum(jobStatuses),
    attempt: z.number().int(),
    worker: z.string().optional(),
    cancelRequested: z.boolean(),
    cancelForced: z.boolean().optional(),
    retries: z.number().int().optional(),
    notBefore: time.optional(),
    end: end.optional(),
    step: stepSchema,
    stepIndex: z.number().int(),
    target: z.string(),
    pool: z.string(),
    lock: z.object({ clusterId: z.string(), namespace: z.string(), subject: z.string() }),
    createdAt: time,
    admittedAt: time.optional(),
    startedAt: time.optional(),
    endedAt: time.optional(),
    waitsFor: z.string().optional(),
    failure: failure.optional(),
    objects: z.array(progress).optional(),
    tools: tools.optional(),
    losses: z.array(loss).optional(),
    carried: z.object({ deploymentId: z.string(), jobId: z.string() }).optional(),
    trace: trace.optional(),
  })
  .openapi('Job')

const deployment = z
  .object({
    id: z.string(),
    request: deploymentRequestSchema,
    targets: z.array(z.string()),
    namespaces: z.array(z.string()).optional(),
    producer: z.string().optional(),
    by: z.string().optional(),
    needs: z.number().int().optional(),
    lineage: z.object({ kind: z.enum(lineageKinds), of: z.string() }).optional(),
    trace: trace.optional(),
    state: runState,
    result: result.optional(),
    createdAt: time,
    startedAt: time.optional(),
    endedAt: time.optional(),
  })
  .openapi('Deployment')

/** What every record has; writes have what the ledger has, anything else its action, name and outcome. */
const auditRecord = z
  .looseObject({
    n: z.number().int(),
    id: z.string(),
    hash: z.string(),
    at: time,
    type: z.string(),
    who: z.string(),
    target: z.string().optional(),
    deploymentId: z.string().optional(),
    jobId: z.string().optional(),
    attempt: z.number().int().optional(),
  })
  .openapi('AuditRecord')

const auditReport = z.object({
  ok: z.boolean(),
  records: z.number().int(),
  first: z.number().int().optional(),
  last: z.number().int().optional(),
  signatures: z.number().int(),
  unknownKeys: z.number().int(),
  problems: z.array(z.object({ n: z.number().int(), says: z.string() })),
  head: z.object({ n: z.number().int(), id: z.string(), hash: z.string(), kid: z.string(), signature: z.string() }).optional(),
})

const accountUse = z
  .object({
    at: time,
    verb: z.string(),
    group: z.string(),
    resource: z.string(),
    subresource: z.string().optional(),
    namespace: z.string().optional(),
    name: z.string().optional(),
    code: z.number().int(),
    credentialId: z.string(),
    auditId: z.string().optional(),
    deploymentId: z.string().optional(),
    jobId: z.string().optional(),
    attempt: z.number().int().optional(),
  })
  .openapi('AccountUse')

const account = z
  .object({
    target: z.string(),
    mode: z.enum(accountModes),
    fingerprint: z.string(),
    version: z.number().int(),
    state: z.enum(rotationStates),
    since: time,
    issuedAt: time.optional(),
    expiresAt: time.optional(),
    versions: z.array(
      z.object({ version: z.number().int(), is: z.enum(['used', 'next', 'previous', 'revoked']), expiresAt: time.optional() }),
    ),
    rotatedAt: time.optional(),
    provenAt: time.optional(),
    /** The last writes that its API server took from it, or from what was minted from it. */
    used: z.object({ job: accountUse.optional(), server: accountUse.optional() }),
    nextAt: time.optional(),
    answer: z.object({ id: z.string(), ok: z.boolean(), sentence: z.string(), code: z.string().optional() }).optional(),
    alarms: z.array(z.object({ level: z.enum(['warn', 'alarm']), sentence: z.string(), fix: z.string() })),
  })
  .openapi('Account')

const masterKey = z
  .object({
    kid: z.string(),
    /** `seals` is the first one; `missing` is one that the server has not, `dropped` one that it is to have no more. */
    use: z.enum(['seals', 'opens', 'missing', 'dropped']),
    accounts: z.number().int(),
    secrets: z.number().int(),
    attempts: z.number().int(),
    packages: z.number().int(),
    signers: z.number().int(),
  })
  .openapi('MasterKey')

const producer = z
  .object({
    name: z.string(),
    publicKey: z.string(),
    fingerprint: z.string(),
    tags: z.array(z.string()).optional(),
    createdAt: time,
  })
  .openapi('Producer')

const enrolment = z.object({ pool: z.string(), fingerprint: z.string(), publicKey: z.string(), createdAt: time }).openapi('Enrolment')

const secret = z
  .object({
    name: z.string(),
    version: z.number().int(),
    /** Keyed: it tells two values apart, and not what they are. */
    fingerprint: z.string(),
    bytes: z.number().int(),
    createdAt: time,
    updatedAt: time,
  })
  .openapi('Secret')

const change = z.enum(['added', 'removed', 'changed'])
const fieldChanges = z.array(z.object({ field: z.string(), a: z.string().optional(), b: z.string().optional() }))
const fileChange = z.object({
  path: z.string(),
  change,
  a: z.string().optional(),
  b: z.string().optional(),
  diff: z.array(z.string()).optional(),
  note: z.string().optional(),
})
const outcome = z.object({
  status: z.enum(jobStatuses),
  code: z.string().optional(),
  sentence: z.string().optional(),
  attempts: z.number().int(),
})
const millis = z.number().int().optional()

const runDiff = z
  .object({
    a: z.string(),
    b: z.string(),
    same: z.boolean(),
    request: fieldChanges,
    steps: z.array(
      z.object({
        step: z.string(),
        change,
        fields: fieldChanges,
        package: z.object({ a: z.string(), b: z.string(), files: z.array(fileChange), note: z.string().optional() }).optional(),
      }),
    ),
    targets: z.object({ onlyA: z.array(z.string()), onlyB: z.array(z.string()) }),
    results: z.array(z.object({ step: z.string(), target: z.string(), a: outcome.optional(), b: outcome.optional() })),
    tools: z.array(z.object({ step: z.string(), target: z.string(), fields: fieldChanges })),
    timings: z.object({ totalA: millis, totalB: millis, steps: z.array(z.object({ step: z.string(), a: millis, b: millis })) }),
  })
  .openapi('RunDiff')

const every = { id: z.string(), at: time }
const event = z
  .discriminatedUnion('type', [
    z.object({ ...every, type: z.literal('deployment'), state: runState, result: result.optional() }),
    z.object({
      ...every,
      type: z.literal('job'),
      jobId: z.string(),
      step: z.string(),
      target: z.string(),
      from: z.enum(jobStatuses),
      to: z.enum(jobStatuses),
      attempt: z.number().int(),
      worker: z.string().optional(),
      sentence: z.string().optional(),
      code: z.string().optional(),
      tools: tools.optional(),
    }),
    z.object({ ...every, type: z.literal('waiting'), jobId: z.string(), reason: z.string() }),
    z.object({
      ...every,
      type: z.literal('progress'),
      jobId: z.string(),
      objects: z.array(progress),
      of: z.object({ total: z.number().int(), ready: z.number().int() }).optional(),
    }),
    z.object({ ...every, type: z.literal('verdict'), jobId: z.string(), failure: failure.optional(), notes: z.array(z.string()) }),
    z.object({ ...every, type: z.literal('notice'), jobId: z.string().optional(), level: z.enum(['info', 'warn']), message: z.string() }),
  ])
  .openapi('Event')

const line = z
  .object({ n: z.number().int(), at: time, stream: z.enum(['stdout', 'stderr', 'system']), text: z.string() })
  .openapi('LogLine')

const logSum = {
  total: z.number().int(),
  bytes: z.number().int(),
  complete: z.boolean(),
  gap: z.object({ from: z.number().int(), to: z.number().int(), lines: z.number().int(), bytes: z.number().int() }).optional(),
}
const matchingBlock = z.object({ from: z.number().int(), to: z.number().int(), matches: z.number().int() })

const write = z
  .object({
    n: z.number().int(),
    at: time,
    attempt: z.number().int(),
    verb: z.enum(['create', 'update', 'patch', 'delete', 'deletecollection', 'connect']),
    group: z.string(),
    version: z.string(),
    resource: z.string(),
    subresource: z.string().optional(),
    kind: z.string().optional(),
    namespace: z.string().optional(),
    name: z.string().optional(),
    uid: z.string().optional(),
    generation: z.number().optional(),
    dryRun: z.boolean(),
    code: z.number().int(),
    reason: z.string().optional(),
    message: z.string().optional(),
    ms: z.number(),
    sends: z.number().int().optional(),
    credentialId: z.string(),
    auditId: z.string().optional(),
  })
  .openapi('LedgerEntry')

const worker = z
  .object({
    id: z.string(),
    name: z.string(),
    pool: z.string(),
    version: z.string(),
    envelope: z.number().int().optional(),
    executor: z.enum(['docker', 'process']).optional(),
    state: z.enum(['available', 'busy', 'draining']),
    concurrency: z.number().int(),
    startedAt: time,
    at: time.optional(),
    seenAt: time,
    attempts: z.array(
      z.object({
        deploymentId: z.string(),
        jobId: z.string(),
        attempt: z.number().int(),
        openWrites: z.number().int(),
        since: time.optional(),
      }),
    ),
    takesNone: z.string().optional(),
    containers: z.object({ waiting: z.number().int(), warm: z.number().int(), cold: z.number().int() }).optional(),
    loopMs: z.number().int().optional(),
  })
  .openapi('Worker')

const freeze = z
  .object({
    id: z.string(),
    target: z.string().optional(),
    tags: z.string().optional(),
    reason: z.string(),
    createdAt: time,
    until: time.optional(),
  })
  .openapi('Freeze')

const bounds = {
  min: z.number().int(),
  max: z.number().int(),
  idle: z.number().int(),
  factor: z.number(),
  idleLimit: z.number().int(),
}

const scale = z
  .object({
    pool: z.string(),
    desired: z.number().int(),
    managed: z.boolean(),
    waiting: z.number().int(),
    running: z.number().int(),
    busy: z.number().int(),
    workers: z.number().int(),
    concurrency: z.number().int(),
    forWork: z.number().int(),
    reserve: z.number().int(),
    wanted: z.number().int(),
    bounds: z.object(bounds).loose(),
    schedule: z.string().optional(),
    because: z.array(z.string()),
  })
  .openapi('Scale')

const schedule = z.object(bounds).partial().extend({ cron: z.string(), timeZone: z.string() })

const pool = z
  .object({
    name: z.string(),
    state: z.enum(poolStates),
    reason: z.string().optional(),
    labels: z.record(z.string(), z.string()),
    image: z.string().optional(),
    concurrency: z.number().int().optional(),
    limit: z.number().int().optional(),
    scaling: z.object({ ...bounds, coolDownSeconds: z.number().int(), schedules: z.array(schedule) }).optional(),
    replicas: z.number().int().optional(),
    kubernetes: z.object({ namespace: z.string(), deployment: z.string() }).optional(),
    createdAt: time,
    said: z.boolean(),
    targets: z.number().int(),
    draining: z.number().int(),
    slots: z.number().int(),
    workers: z.object({
      available: z.number().int(),
      busy: z.number().int(),
      draining: z.number().int(),
      offline: z.number().int(),
    }),
    oldestWaitSeconds: z.number().optional().openapi({ description: 'Of the job that waits longest for a worker; absent when none waits' }),
    scale,
  })
  .openapi('Pool')

const checkReport = z
  .object({
    target: z.string(),
    ok: z.boolean(),
    at: time,
    worker: z.string(),
    serverVersion: z.string().optional(),
    lines: z.array(
      z.object({
        rung: z.enum(checkRungs),
        subject: z.string(),
        status: z.enum(['ok', 'warn', 'failed', 'skipped']),
        ms: z.number(),
        message: z.string(),
        code: z.string().optional(),
        fix: z.string().optional(),
      }),
    ),
  })
  .openapi('CheckReport')

const memory = z.object({
  redis: z.enum(['state', 'store']),
  place: z.string(),
  usedBytes: z.number().int(),
  maxBytes: z.number().int(),
  ratio: z.number().optional(),
  level: z.enum(['ok', 'warn', 'refuse', 'reserve']),
})

const doctor = z
  .object({
    checks: z.array(
      z.object({
        id: z.string(),
        subject: z.string().optional(),
        status: z.enum(checkStatuses),
        seen: z.string(),
        why: z.string(),
        fix: z.string().optional(),
        ms: z.number().int(),
      }),
    ),
    summary: z.object({ ok: z.number().int(), warn: z.number().int(), fail: z.number().int(), skip: z.number().int() }),
    version: z.string(),
    now: time,
  })
  .openapi('DoctorReport')

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.string(),
    name: z.string(),
    hint: z.string(),
    requestId: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .openapi('Problem')

const shownTarget = z.intersection(targetSchema, z.object({ health: healthSchema.optional() }))

export type ShapeName =
  | 'status'
  | 'store'
  | 'doctor'
  | 'package'
  | 'target'
  | 'targets'
  | 'issuerNames'
  | 'discovery'
  | 'keySet'
  | 'checkStarted'
  | 'checkPending'
  | 'checkReport'
  | 'run'
  | 'deployments'
  | 'event'
  | 'events'
  | 'line'
  | 'lines'
  | 'logSearch'
  | 'ledger'
  | 'workers'
  | 'freeze'
  | 'freezes'
  | 'pool'
  | 'pools'
  | 'scale'
  | 'secret'
  | 'secrets'
  | 'pins'
  | 'account'
  | 'accounts'
  | 'rotationAsked'
  | 'keys'
  | 'keysRotated'
  | 'keyDropped'
  | 'producer'
  | 'enrolledProducer'
  | 'producers'
  | 'enrolled'
  | 'enrolments'
  | 'runDiff'
  | 'backupSum'
  | 'audit'
  | 'auditReport'
  | 'problem'

export const shapes: Readonly<Record<ShapeName, z.ZodType>> = {
  status: z.object({
    status: z.literal('ok'),
    checks: z.record(z.string(), z.string()).optional().openapi({ description: 'What was looked at, when asked with ?verbose' }),
    warnings: z.array(z.string()).optional(),
  }),
  store: z.object({ redis: z.array(memory), warnings: z.array(z.string()), schema: z.number().int() }),
  doctor,
  package: z.object({ sha256: z.string(), size: z.number().int().optional() }),
  target: shownTarget,
  targets: z.object({ targets: z.array(shownTarget) }),
  issuerNames: federationNamesSchema,
  discovery: z.object({
    issuer: z.string(),
    jwks_uri: z.string(),
    response_types_supported: z.array(z.string()),
    subject_types_supported: z.array(z.string()),
    id_token_signing_alg_values_supported: z.array(z.string()),
  }),
  keySet: z.object({ keys: z.array(publicKeySchema) }),
  checkStarted: z.object({ id: z.string(), waitsFor: z.string().optional() }),
  checkPending: z.object({ state: z.literal('pending'), waitsFor: z.string().optional() }),
  checkReport,
  run: z.object({ deployment, jobs: z.array(job) }),
  deployments: z.object({ deployments: z.array(deployment), next: z.string().optional() }),
  event,
  events: z.object({ events: z.array(event) }),
  line,
  lines: z.object({ ...logSum, lines: z.array(line), next: z.number().int().optional() }),
  logSearch: z.object({
    ...logSum,
    matches: z.number().int(),
    searched: z.number().int(),
    lines: z.array(line),
    blocks: z.array(matchingBlock),
  }),
  ledger: z.object({ entries: z.array(write) }),
  runDiff,
  account,
  accounts: z.object({ accounts: z.array(account) }),
  rotationAsked: z.object({ id: z.string(), kind: z.string() }),
  keys: z.object({ keys: z.array(masterKey) }),
  keysRotated: z.object({ resealed: z.number().int(), damaged: z.array(z.string()), keys: z.array(masterKey) }),
  keyDropped: z.object({ kid: z.string(), droppedAt: z.number().int(), keys: z.array(masterKey) }),
  producer,
  enrolledProducer: producer.extend({ serverKey: z.string() }).openapi('EnrolledProducer'),
  producers: z.object({ producers: z.array(producer) }),
  enrolled: enrolment.extend({ serverKeys: z.array(z.string()) }).openapi('Enrolled'),
  enrolments: z.object({ enrolments: z.array(enrolment) }),
  pins: z.object({ pins: z.record(z.string(), z.array(z.string())) }),
  freeze,
  freezes: z.object({ freezes: z.array(freeze) }),
  pool,
  pools: z.object({ pools: z.array(pool) }),
  scale,
  secret,
  secrets: z.object({ secrets: z.array(secret) }),
  workers: z.object({ workers: z.array(worker), now: time }),
  audit: z.object({ records: z.array(auditRecord), next: z.string().optional() }),
  auditReport,
  backupSum: z.object({
    targets: z.number().int(),
    deployments: z.number().int(),
    unfinished: z.number().int(),
    packages: z.number().int(),
  }),
  problem,
}

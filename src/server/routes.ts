import { type RouteConfig, z } from '@hono/zod-openapi'
import { newEnrolmentSchema } from '../model/enrolment.ts'
import { newFreezeSchema } from '../model/freeze.ts'
import { newPoolSchema, newPoolStateSchema, poolChangeSchema } from '../model/pool.ts'
import { newProducerSchema } from '../model/producer.ts'
import { newSecretSchema } from '../model/stepsecret.ts'
import { auditQuery, auditVerifyQuery } from './auditqueries.ts'
import { listQuery } from './list.ts'
import { logQuery, searchQuery } from './logqueries.ts'
import {
  backupQuery,
  cancelQuery,
  deploymentRequestSchema,
  newPinSchema,
  newRotationSchema,
  newTargetSchema,
  targetChangeSchema,
} from './schemas.ts'
import { shapes } from './shapes.ts'

const json = (schema: z.ZodType, description: string) => ({ description, content: { 'application/json': { schema } } })
const problem = {
  description: 'A problem (RFC 9457) with code, name and hint',
  content: { 'application/problem+json': { schema: shapes.problem } },
}
const stream = (schema: z.ZodType, description: string) => ({
  description,
  content: { 'application/json': { schema }, 'text/event-stream': { schema: z.string() } },
})
const packed = { 'application/zstd': { schema: z.string().openapi({ format: 'binary' }) } }
const body = (schema: z.ZodType) => ({ required: true, content: { 'application/json': { schema } } })
const named = z.object({ name: z.string() })
const byId = z.object({ id: z.string() })
const byJob = z.object({ id: z.string(), jobId: z.string() })

const again = (verb: string, description: string): RouteConfig => ({
  method: 'post',
  path: `/v1/deployments/{id}/${verb}`,
  request: { params: byId, headers: z.object({ 'idempotency-key': z.string().max(255).optional() }) },
  responses: { 202: json(shapes.run, `${description}; Location says where`), default: problem },
})

export type RouteName =
  | 'livez'
  | 'readyz'
  | 'putPackage'
  | 'hasPackage'
  | 'listTargets'
  | 'addTarget'
  | 'getTarget'
  | 'changeTarget'
  | 'removeTarget'
  | 'checkTarget'
  | 'getCheck'
  | 'nameIssuer'
  | 'discoverIssuer'
  | 'issuerKeys'
  | 'deploy'
  | 'listDeployments'
  | 'getDeployment'
  | 'retry'
  | 'rerun'
  | 'rollback'
  | 'diffRuns'
  | 'events'
  | 'log'
  | 'searchLog'
  | 'ledger'
  | 'cancel'
  | 'listPins'
  | 'pinImage'
  | 'listAccounts'
  | 'getAccount'
  | 'rotateAccount'
  | 'listKeys'
  | 'rotateKeys'
  | 'dropKey'
  | 'listProducers'
  | 'addProducer'
  | 'removeProducer'
  | 'listEnrolments'
  | 'enrolWorkers'
  | 'revokeEnrolment'
  | 'listWorkers'
  | 'drainWorker'
  | 'listFreezes'
  | 'addFreeze'
  | 'liftFreeze'
  | 'listPools'
  | 'getPool'
  | 'createPool'
  | 'changePool'
  | 'setPoolState'
  | 'removePool'
  | 'scale'
  | 'listSecrets'
  | 'setSecret'
  | 'removeSecret'
  | 'listAudit'
  | 'verifyAudit'
  | 'store'
  | 'doctor'
  | 'metrics'
  | 'backup'
  | 'restore'
  | 'openapi'

/** Every route of the API: what is here is served, and what is served is here (tests/integration/server). */
export const routes: Readonly<Record<RouteName, RouteConfig>> = {
  livez: { method: 'get', path: '/livez', responses: { 200: json(shapes.status, 'The process runs') } },
  readyz: {
    method: 'get',
    path: '/readyz',
    request: { query: z.object({ verbose: z.string().optional() }) },
    responses: { 200: json(shapes.status, 'Redis answers, and the server does not end'), default: problem },
  },
  backup: {
    method: 'get',
    path: '/v1/backup',
    request: { query: backupQuery },
    responses: { 200: { description: 'The backup: lines of JSON, packed with zstd', content: packed }, default: problem },
  },
  restore: {
    method: 'post',
    path: '/v1/restore',
    request: { body: { required: true, content: packed } },
    responses: { 200: json(shapes.backupSum, 'What is there now'), default: problem },
  },
  putPackage: {
    method: 'post',
    path: '/v1/packages',
    request: {
      headers: z.object({ 'content-digest': z.string().optional() }),
      body: { required: true, content: { 'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }) } } },
    },
    responses: { 201: json(shapes.package, 'Stored under its SHA-256'), default: problem },
  },
  hasPackage: {
    method: 'get',
    path: '/v1/packages/{sha256}',
    request: { params: z.object({ sha256: z.string() }) },
    responses: { 200: json(shapes.package, 'It is there; HEAD says the same'), default: problem },
  },
  listTargets: {
    method: 'get',
    path: '/v1/targets',
    responses: { 200: json(shapes.targets, 'All targets by name'), default: problem },
  },
  addTarget: {
    method: 'post',
    path: '/v1/targets',
    request: { body: body(newTargetSchema) },
    responses: { 201: json(shapes.target, 'Added; its credential is sealed'), default: problem },
  },
  getTarget: {
    method: 'get',
    path: '/v1/targets/{name}',
    request: { params: named },
    responses: { 200: json(shapes.target, 'The target'), default: problem },
  },
  changeTarget: {
    method: 'patch',
    path: '/v1/targets/{name}',
    request: { params: named, body: body(targetChangeSchema) },
    responses: { 200: json(shapes.target, 'The target as it is now'), default: problem },
  },
  removeTarget: {
    method: 'delete',
    path: '/v1/targets/{name}',
    request: { params: named },
    responses: { 204: { description: 'Removed with its account' }, default: problem },
  },
  nameIssuer: {
    method: 'get',
    path: '/v1/issuers/{name}',
    request: { params: named },
    responses: {
      200: json(shapes.issuerNames, 'How a target of that name is known at its API server in the mode federated'),
      default: problem,
    },
  },
  discoverIssuer: {
    method: 'get',
    path: '/issuers/{name}/.well-known/openid-configuration',
    request: { params: named },
    responses: { 200: json(shapes.discovery, 'Where the keys are by which the tokens of this target are known'), default: problem },
  },
  issuerKeys: {
    method: 'get',
    path: '/issuers/{name}/jwks.json',
    request: { params: named },
    responses: { 200: json(shapes.keySet, 'Those keys (RFC 7517)'), default: problem },
  },
  checkTarget: {
    method: 'post',
    path: '/v1/targets/{name}/checks',
    request: { params: named },
    responses: { 202: json(shapes.checkStarted, 'A worker of the pool runs it'), default: problem },
  },
  getCheck: {
    method: 'get',
    path: '/v1/targets/{name}/checks/{id}',
    request: { params: z.object({ name: z.string(), id: z.string() }) },
    responses: { 200: json(shapes.checkReport, 'Its report'), 202: json(shapes.checkPending, 'Not done yet'), default: problem },
  },
  deploy: {
    method: 'post',
    path: '/v1/deployments',
    request: {
      headers: z.object({ 'idempotency-key': z.string().max(255).optional(), traceparent: z.string().optional() }),
      body: body(deploymentRequestSchema),
    },
    responses: { 202: json(shapes.run, 'Stored and on its way; Location says where'), default: problem },
  },
  listDeployments: {
    method: 'get',
    path: '/v1/deployments',
    request: { query: listQuery },
    responses: {
      200: json(shapes.deployments, 'Newest first; a page may be short, or empty, and `next` still name one after it'),
      default: problem,
    },
  },
  getDeployment: {
    method: 'get',
    path: '/v1/deployments/{id}',
    request: { params: byId },
    responses: { 200: json(shapes.run, 'The deployment with its jobs'), default: problem },
  },
  retry: again('retry', 'The failed part once more, from the steps that failed'),
  rerun: again('rerun', 'Everything once more, with the same packages and inputs'),
  rollback: again('rollback', 'Back to this deployment: its packages and inputs, on its targets'),
  diffRuns: {
    method: 'get',
    path: '/v1/deployments/{id}/diff',
    request: { params: byId, query: z.object({ with: z.string().openapi({ description: 'The other deployment' }) }) },
    responses: { 200: json(shapes.runDiff, 'What differs; of Secrets only keys and short hashes'), default: problem },
  },
  events: {
    method: 'get',
    path: '/v1/deployments/{id}/events',
    request: {
      params: byId,
      query: z.object({ after: z.string().optional() }),
      headers: z.object({ 'last-event-id': z.string().optional() }),
    },
    responses: {
      200: stream(shapes.events, 'Events: a stream when text/event-stream is accepted, resumable by Last-Event-ID'),
      default: problem,
    },
  },
  log: {
    method: 'get',
    path: '/v1/deployments/{id}/jobs/{jobId}/log',
    request: {
      params: byJob,
      query: logQuery,
      headers: z.object({ 'last-event-id': z.string().optional() }),
    },
    responses: {
      200: {
        description: 'Lines: a stream when text/event-stream is accepted, resumable by line number; the bare text when text/plain is',
        content: { ...stream(shapes.lines, '').content, 'text/plain': { schema: z.string() } },
      },
      default: problem,
    },
  },
  searchLog: {
    method: 'get',
    path: '/v1/deployments/{id}/jobs/{jobId}/log/search',
    request: { params: byJob, query: searchQuery },
    responses: { 200: json(shapes.logSearch, 'All matching lines counted, by block too; the first of them'), default: problem },
  },
  ledger: {
    method: 'get',
    path: '/v1/deployments/{id}/jobs/{jobId}/ledger',
    request: { params: byJob },
    responses: { 200: json(shapes.ledger, 'What the job wrote'), default: problem },
  },
  cancel: {
    method: 'post',
    path: '/v1/deployments/{id}/cancel',
    request: { params: byId, query: cancelQuery },
    responses: { 202: json(shapes.run, 'Cancellation is on its way'), default: problem },
  },
  listPins: {
    method: 'get',
    path: '/v1/images/pins',
    responses: { 200: json(shapes.pins, 'The ids that workers may start, by image; an image without any is not pinned'), default: problem },
  },
  pinImage: {
    method: 'put',
    path: '/v1/images/pins',
    request: { body: body(newPinSchema) },
    responses: { 200: json(shapes.pins, 'Pinned; no ids take the pin away'), default: problem },
  },
  listAccounts: {
    method: 'get',
    path: '/v1/accounts',
    responses: { 200: json(shapes.accounts, 'The account of every target: versions, times, and what is wrong'), default: problem },
  },
  getAccount: {
    method: 'get',
    path: '/v1/accounts/{name}',
    request: { params: named },
    responses: { 200: json(shapes.account, 'The account of this target'), default: problem },
  },
  rotateAccount: {
    method: 'post',
    path: '/v1/accounts/{name}/rotations',
    request: { params: named, body: body(newRotationSchema) },
    responses: { 202: json(shapes.rotationAsked, 'It begins within a second; the answer to this id is in the account'), default: problem },
  },
  listKeys: {
    method: 'get',
    path: '/v1/keys',
    responses: { 200: json(shapes.keys, 'The master keys that the server has, or that something is sealed with'), default: problem },
  },
  rotateKeys: {
    method: 'post',
    path: '/v1/keys/rotate',
    responses: { 200: json(shapes.keysRotated, 'Every sealed record is sealed with the first key now'), default: problem },
  },
  dropKey: {
    method: 'delete',
    path: '/v1/keys/{name}',
    request: { params: named },
    responses: { 200: json(shapes.keyDropped, 'Dropped: no server starts with it, and its file can go'), default: problem },
  },
  listProducers: {
    method: 'get',
    path: '/v1/producers',
    responses: { 200: json(shapes.producers, 'All producers by name'), default: problem },
  },
  addProducer: {
    method: 'post',
    path: '/v1/producers',
    request: { body: body(newProducerSchema) },
    responses: { 201: json(shapes.enrolledProducer, 'Enrolled: what is signed with its key is taken'), default: problem },
  },
  removeProducer: {
    method: 'delete',
    path: '/v1/producers/{name}',
    request: { params: named },
    responses: { 204: { description: 'Removed: nothing more of it is taken' }, default: problem },
  },
  listEnrolments: {
    method: 'get',
    path: '/v1/enrolments',
    responses: { 200: json(shapes.enrolments, 'The keys that workers prove their pool with, by pool'), default: problem },
  },
  enrolWorkers: {
    method: 'post',
    path: '/v1/pools/{name}/enrolments',
    request: { params: named, body: body(newEnrolmentSchema) },
    responses: {
      201: json(shapes.enrolled, 'Enrolled: workers with this key are given what jobs of the pool need, and believe these servers'),
      default: problem,
    },
  },
  revokeEnrolment: {
    method: 'delete',
    path: '/v1/pools/{name}/enrolments/{fingerprint}',
    request: { params: named.extend({ fingerprint: z.string() }) },
    responses: { 204: { description: 'Revoked: workers with this key are given nothing more' }, default: problem },
  },
  listWorkers: {
    method: 'get',
    path: '/v1/workers',
    responses: { 200: json(shapes.workers, 'Workers as last heard'), default: problem },
  },
  drainWorker: {
    method: 'post',
    path: '/v1/workers/{name}/drain',
    request: { params: named },
    responses: {
      202: json(shapes.workers, 'The workers of this name that were asked; each is gone when what it runs has ended'),
      default: problem,
    },
  },
  listSecrets: {
    method: 'get',
    path: '/v1/secrets',
    responses: { 200: json(shapes.secrets, 'The secrets by name, without their values'), default: problem },
  },
  setSecret: {
    method: 'put',
    path: '/v1/secrets/{name}',
    request: { params: named, body: body(newSecretSchema) },
    responses: {
      200: json(shapes.secret, 'Sealed as the next version'),
      201: json(shapes.secret, 'Sealed; it can be set and removed, and not read back'),
      default: problem,
    },
  },
  removeSecret: {
    method: 'delete',
    path: '/v1/secrets/{name}',
    request: { params: named },
    responses: { 204: { description: 'Gone: a step that needs it fails from now on' }, default: problem },
  },
  listFreezes: {
    method: 'get',
    path: '/v1/freezes',
    responses: { 200: json(shapes.freezes, 'Where nothing new begins, the oldest first'), default: problem },
  },
  addFreeze: {
    method: 'post',
    path: '/v1/freezes',
    request: { body: body(newFreezeSchema) },
    responses: { 201: json(shapes.freeze, 'In force for all that is admitted from now on'), default: problem },
  },
  liftFreeze: {
    method: 'delete',
    path: '/v1/freezes/{id}',
    request: { params: byId },
    responses: { 204: { description: 'Lifted: what waited for it begins' }, default: problem },
  },
  listPools: {
    method: 'get',
    path: '/v1/pools',
    responses: {
      200: json(shapes.pools, 'Every pool that somebody said something of, or that a target or a worker names'),
      default: problem,
    },
  },
  getPool: {
    method: 'get',
    path: '/v1/pools/{name}',
    request: { params: named },
    responses: { 200: json(shapes.pool, 'The pool, what it has to do and how many workers it should have'), default: problem },
  },
  createPool: {
    method: 'post',
    path: '/v1/pools',
    request: { body: body(newPoolSchema) },
    responses: { 201: json(shapes.pool, 'It takes work at once'), default: problem },
  },
  changePool: {
    method: 'patch',
    path: '/v1/pools/{name}',
    request: { params: named, body: body(poolChangeSchema) },
    responses: { 200: json(shapes.pool, 'What is absent stays, null takes a setting away'), default: problem },
  },
  setPoolState: {
    method: 'put',
    path: '/v1/pools/{name}/state',
    request: { params: named, body: body(newPoolStateSchema) },
    responses: { 200: json(shapes.pool, 'Paused: no job begins; cordoned: no deployment is taken; active: both go on'), default: problem },
  },
  removePool: {
    method: 'delete',
    path: '/v1/pools/{name}',
    request: { params: named },
    responses: { 204: { description: 'Nothing is said of it any more' }, default: problem },
  },
  scale: {
    method: 'get',
    path: '/v1/pools/{name}/scale',
    request: { params: named },
    responses: {
      200: json(shapes.scale, "How many workers the pool should have, as `desired`: for scalers such as KEDA's metrics-api"),
      default: problem,
    },
  },
  listAudit: {
    method: 'get',
    path: '/v1/audit',
    request: { query: auditQuery },
    responses: { 200: json(shapes.audit, 'Who did what; `next` is the cursor of the page after'), default: problem },
  },
  verifyAudit: {
    method: 'get',
    path: '/v1/audit/verify',
    request: { query: auditVerifyQuery },
    responses: { 200: json(shapes.auditReport, 'Whether the record is as it was written'), default: problem },
  },
  store: {
    method: 'get',
    path: '/v1/store',
    responses: { 200: json(shapes.store, 'How full each Redis is, and what follows from it'), default: problem },
  },
  doctor: {
    method: 'get',
    path: '/v1/doctor',
    responses: { 200: json(shapes.doctor, 'What is wrong with the server and all behind it, and what mends it'), default: problem },
  },
  metrics: {
    method: 'get',
    path: '/metrics',
    responses: {
      200: { description: "Prometheus' text format 0.0.4", content: { 'text/plain': { schema: z.string() } } },
      default: problem,
    },
  },
  openapi: {
    method: 'get',
    path: '/openapi.json',
    responses: { 200: json(z.record(z.string(), z.unknown()), 'This document'), default: problem },
  },
}

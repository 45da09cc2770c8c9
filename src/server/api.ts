import { timingSafeEqual } from 'node:crypto'
import { OpenAPIHono } from '@hono/zod-openapi'
import { TelpherError } from '../model/errors.ts'
import { newId } from '../model/ids.ts'
import { createRegistry } from '../telemetry/registry.ts'
import { codeClass } from '../telemetry/table.ts'
import { addAccountRoutes } from './accounts.ts'
import { addAgainRoutes } from './again.ts'
import { addAuditRoutes } from './audit.ts'
import { recordRequest } from './audited.ts'
import { addBackupRoutes } from './backup.ts'
import type { Api, ApiDeps, ApiEnv } from './context.ts'
import { addDeploymentRoutes } from './deployments.ts'
import { addDiffRoute } from './diff/route.ts'
import { addDoctorRoute } from './doctor.ts'
import { addEnrolmentRoutes } from './enrolments.ts'
import { addFreezeRoutes } from './freezes.ts'
import { addImageRoutes } from './images.ts'
import { addIssuerRoutes } from './issuers.ts'
import { addKeyRoutes } from './keys.ts'
import { addMemoryRoutes } from './memory.ts'
import { addMetricsRoute } from './metrics.ts'
import { isOpen, on } from './on.ts'
import { addPackageRoutes } from './packages.ts'
import { addPoolRoutes } from './pools.ts'
import { answerInvalid, answerProblem, InvalidRequest } from './problem.ts'
import { addProducerRoutes } from './producers.ts'
import { addSecretRoutes } from './secrets.ts'
import { addStreamRoutes } from './streams.ts'
import { addTargetRoutes } from './targets.ts'
import { addWorkerRoutes } from './workers.ts'

const sameText = (given: string, expected: string): boolean => {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** A client's own id for a request is kept, so that both sides' logs tell of the same one. */
const requestIdOf = (given: string | undefined): string => (given !== undefined && /^[\w.-]{1,64}$/.test(given) ? given : newId('req'))

/**
 * The HTTP API as an app without a socket.
 * Every error is a problem+json with a code, a hint and the request's id.
 */
export const createApi = (deps: ApiDeps): Api => {
  const api: Api = new OpenAPIHono<ApiEnv>()
  const { registry = createRegistry('server') } = deps
  api.use(async (context, next) => {
    await next()
    registry.add('telpher_api_requests_total', { code: codeClass(context.res.status) })
  })
  api.use(async (context, next) => {
    const requestId = requestIdOf(context.req.header('x-request-id'))
    context.set('requestId', requestId)
    context.header('x-request-id', requestId)
    const given = context.req.header('authorization') ?? ''
    if (!isOpen(context.req.path) && !sameText(given, `Bearer ${deps.token.reveal()}`))
      return answerProblem(context, new TelpherError('unauthorized', 'the bearer token is missing or wrong'))
    await next()
    await recordRequest(context, deps)
    return undefined
  })
  api.notFound((context) =>
    answerProblem(context, new TelpherError('unknown_route', `there is no ${context.req.method} ${context.req.path}`)),
  )
  api.onError((thrown, context) => {
    if (thrown instanceof InvalidRequest) return answerInvalid(context, thrown.issues)
    const isOurs = !(thrown instanceof TelpherError) || thrown.fault !== 'user'
    if (isOurs) deps.log.error({ err: thrown, requestId: context.get('requestId'), path: context.req.path }, 'a request failed')
    return answerProblem(context, thrown)
  })

  on(api, 'livez', (context) => context.json({ status: 'ok' }))
  on(api, 'readyz', async (context) => {
    if (deps.closing?.aborted === true) throw new TelpherError('server_closing', 'this server ends')
    await deps.store.ping()
    // Who asks without a token is told that it gets tight, not where.
    const levels = (await deps.store.memory.look()).map(({ level }) => level)
    const verbose = context.req.query('verbose') === undefined ? {} : { checks: { closing: 'no', redis: 'answers' } }
    return context.json({
      status: 'ok',
      ...verbose,
      ...(levels.every((level) => level === 'ok') ? {} : { warnings: ['Redis is getting full'] }),
    })
  })
  addWorkerRoutes(api, deps)
  addFreezeRoutes(api, deps)
  addAuditRoutes(api, deps)
  addBackupRoutes(api, deps)
  addMemoryRoutes(api, deps)
  addMetricsRoute(api, deps, registry)
  addDoctorRoute(api, deps)
  addPackageRoutes(api, deps)
  addTargetRoutes(api, deps)
  addIssuerRoutes(api, deps)
  addImageRoutes(api, deps)
  addPoolRoutes(api, deps)
  addProducerRoutes(api, deps)
  addEnrolmentRoutes(api, deps)
  addAccountRoutes(api, deps)
  addKeyRoutes(api, deps)
  addSecretRoutes(api, deps)
  addDeploymentRoutes(api, deps)
  addAgainRoutes(api, deps)
  addDiffRoute(api, deps)
  addStreamRoutes(api, deps)
  api.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' })
  on(api, 'openapi', (context) =>
    context.json(
      api.getOpenAPI31Document({ openapi: '3.1.0', info: { title: 'Telpher', version: deps.version } }, { unionPreferredType: 'oneOf' }),
    ),
  )
  return api
}

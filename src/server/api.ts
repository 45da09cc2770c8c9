import { timingSafeEqual } from 'node:crypto'
import { OpenAPIHono } from '@hono/zod-openapi'
import { TelpherError } from '../model/errors.ts'
import { newId } from '../model/ids.ts'
import type { Api, ApiDeps, ApiEnv } from './context.ts'
import { addDeploymentRoutes } from './deployments.ts'
import { on } from './on.ts'
import { addPackageRoutes } from './packages.ts'
import { answerInvalid, answerProblem, InvalidRequest } from './problem.ts'
import { addStreamRoutes } from './streams.ts'
import { addTargetRoutes } from './targets.ts'

/** Paths that need no token: they say nothing but that the server is there. */
const open = new Set(['/livez', '/readyz'])

const sameText = (given: string, expected: string): boolean => {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/**
 * The HTTP API as an app without a socket.
 * Every error is a problem+json with a code, a hint and the request's id.
 */
export const createApi = (deps: ApiDeps): Api => {
  const api: Api = new OpenAPIHono<ApiEnv>()
  api.use(async (context, next) => {
    const requestId = newId('req')
    context.set('requestId', requestId)
    context.header('x-request-id', requestId)
    const given = context.req.header('authorization') ?? ''
    if (!open.has(context.req.path) && !sameText(given, `Bearer ${deps.token.reveal()}`))
      return answerProblem(context, new TelpherError('unauthorized', 'the bearer token is missing or wrong'))
    return next()
  })
  api.notFound((context) =>
    answerProblem(context, new TelpherError('unknown_route', `there is no ${context.req.method} ${context.req.path}`)),
  )
  api.onError((thrown, context) => {
    if (thrown instanceof InvalidRequest) return answerInvalid(context, thrown.issues)
    if (thrown instanceof SyntaxError || thrown.message.startsWith('Malformed JSON'))
      return answerProblem(context, new TelpherError('invalid_input', 'body: not JSON', { field: 'body' }))
    if (!(thrown instanceof TelpherError)) deps.log.error({ err: thrown, requestId: context.get('requestId') }, 'a request failed')
    return answerProblem(context, thrown)
  })

  on(api, 'livez', (context) => context.json({ status: 'ok' }))
  on(api, 'readyz', async (context) => {
    await deps.store.ping()
    return context.json({ status: 'ok' })
  })
  on(api, 'listWorkers', async (context) => context.json({ workers: await deps.store.workers.list(), now: await deps.store.workers.now() }))
  addPackageRoutes(api, deps)
  addTargetRoutes(api, deps)
  addDeploymentRoutes(api, deps)
  addStreamRoutes(api, deps)
  api.doc31('/openapi.json', { openapi: '3.1.0', info: { title: 'Telpher', version: deps.version } })
  return api
}

import type { Context } from 'hono'
import type { z } from 'zod'
import type { JobRef } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import { isId } from '../model/ids.ts'
import { readBody } from './body.ts'
import type { Api, ApiEnv } from './context.ts'
import { InvalidRequest } from './problem.ts'
import { type RouteName, routes } from './routes.ts'

export type Handler = (context: Context<ApiEnv>) => Response | Promise<Response>

/** Paths that need no token: that the server is there, and the public keys by which API servers know its tokens. */
export const isOpen = (path: string): boolean => path === '/livez' || path === '/readyz' || path.startsWith('/issuers/')

/** Serves a route and puts it into the OpenAPI document: the one place where a path gets a handler. */
export const on = (api: Api, name: RouteName, handler: Handler): void => {
  const route = routes[name]
  api.openAPIRegistry.registerPath({ ...route, operationId: name, security: isOpen(route.path) ? [] : [{ token: [] }] })
  api.on(route.method.toUpperCase(), route.path.replaceAll(/\{(\w+)\}/g, ':$1'), (context) => {
    context.set('route', name)
    return handler(context)
  })
}

/** A part of a request by its schema. @throws InvalidRequest */
export const parsed = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const result = schema.safeParse(value)
  if (!result.success) throw new InvalidRequest(result.error)
  return result.data
}

/** Bodies of JSON are small; packages have a route of their own. */
const longestBody = 4 * 1024 * 1024

/** A JSON body by its schema. @throws InvalidRequest; TelpherError invalid_input when it is too long or not JSON */
export const bodyOf = async <T>(context: Context<ApiEnv>, schema: z.ZodType<T>): Promise<{ readonly body: T; readonly text: string }> => {
  const tooLong = () => new TelpherError('invalid_input', 'body: at most 4 MiB are taken', { field: 'body' })
  const text = (await readBody(context, longestBody, tooLong)).toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's own message quotes the body, which may hold a credential.
    throw new TelpherError('invalid_input', 'body: not JSON', { field: 'body' })
  }
  return { body: parsed(schema, value), text }
}

/** A path parameter, which is there because the route has it. */
export const param = (context: Context<ApiEnv>, name: string): string => context.req.param(name) ?? ''

/** The deployment that the path names: what has not the form of an id is asked of nobody. @throws TelpherError unknown_deployment */
export const deploymentIdOf = (context: Context<ApiEnv>): string => {
  const id = param(context, 'id')
  if (!isId('dep', id)) throw new TelpherError('unknown_deployment', `there is no deployment ${id.slice(0, 64)}`)
  return id
}

/** The job that the path names. @throws TelpherError unknown_deployment */
export const jobRefOf = (context: Context<ApiEnv>): JobRef => {
  const [deploymentId, jobId] = [deploymentIdOf(context), param(context, 'jobId')]
  if (!isId('job', jobId)) throw new TelpherError('unknown_deployment', `deployment ${deploymentId} has no job ${jobId.slice(0, 64)}`)
  return { deploymentId, jobId }
}

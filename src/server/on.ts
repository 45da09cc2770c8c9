import type { Context } from 'hono'
import type { z } from 'zod'
import { TelpherError } from '../model/errors.ts'
import type { Api, ApiEnv } from './context.ts'
import { InvalidRequest } from './problem.ts'
import { type RouteName, routes } from './routes.ts'

export type Handler = (context: Context<ApiEnv>) => Response | Promise<Response>

/** Serves a route and puts it into the OpenAPI document: the one place where a path gets a handler. */
export const on = (api: Api, name: RouteName, handler: Handler): void => {
  const route = routes[name]
  api.openAPIRegistry.registerPath(route)
  api.on(route.method.toUpperCase(), route.path.replaceAll(/\{(\w+)\}/g, ':$1'), handler)
}

/** A part of a request by its schema. @throws InvalidRequest */
export const parsed = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const result = schema.safeParse(value)
  if (!result.success) throw new InvalidRequest(result.error)
  return result.data
}

/** Bodies of JSON are small; packages have a route of their own. */
const longestBody = 4 * 1024 * 1024

/** The text of a JSON body. @throws TelpherError invalid_input when it is too long */
export const bodyText = async (context: Context<ApiEnv>): Promise<string> => {
  if (Number(context.req.header('content-length') ?? 0) > longestBody)
    throw new TelpherError('invalid_input', 'body: at most 4 MiB are taken', { field: 'body' })
  const text = await context.req.text()
  if (text.length > longestBody) throw new TelpherError('invalid_input', 'body: at most 4 MiB are taken', { field: 'body' })
  return text
}

/** A path parameter, which is there because the route has it. */
export const param = (context: Context<ApiEnv>, name: string): string => context.req.param(name) ?? ''

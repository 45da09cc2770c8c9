import { afterAll, beforeAll, expect, test } from 'vitest'
import { routes } from '../../../src/server/routes.ts'
import { type ServedApi, serveApi } from './api.ts'

interface Operation {
  readonly operationId: string
  readonly responses: Record<string, { content?: Record<string, { schema?: object }> }>
  readonly parameters?: { name: string; in: string }[]
}

let served: ServedApi
let document: { openapi: string; paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, object> } }
beforeAll(async () => {
  served = await serveApi()
  document = (await (await served.call('GET', '/openapi.json')).json()) as typeof document
})
afterAll(() => served.close())

const documented = (): string[] =>
  Object.entries(document.paths).flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`))

test('the document is OpenAPI 3.1 and names every schema that it refers to', () => {
  expect(document.openapi).toBe('3.1.0')
  const refs = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name ?? '')
  expect(refs.length).toBeGreaterThan(0)
  expect(refs.filter((name) => document.components.schemas[name] === undefined)).toEqual([])
})

test('every registered route is documented, and every documented one is registered', () => {
  const registered = served.api.routes
    .filter(({ method, path }) => method !== 'ALL' && path !== '/*')
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  expect(documented().sort()).toEqual([...new Set(registered)].sort())
  expect(documented()).toHaveLength(Object.keys(routes).length)
})

test('every operation has an id of its own, the parameters of its path, and says what an error looks like', () => {
  const operations = Object.entries(document.paths).flatMap(([path, byMethod]) =>
    Object.values(byMethod).map((operation) => ({ path, operation })),
  )
  expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length)
  for (const { path, operation } of operations) {
    const named = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path').map(({ name }) => name)
    expect(named.sort(), path).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort())
    if (path !== '/livez') expect(Object.keys(operation.responses), path).toContain('default')
  }
})

test('a body is described with its fields', () => {
  const [deploy, target] = [document.paths['/v1/deployments']?.['post'], document.paths['/v1/targets']?.['post']]
  expect(JSON.stringify(deploy)).toContain('deadlineSeconds')
  expect(JSON.stringify(target)).toContain('client-certificate')
})

import { expect, test } from 'vitest'
import { Secret } from '../model/secret.ts'
import { createApi } from './api.ts'
import { audited } from './audited.ts'
import type { ApiDeps } from './context.ts'
import { type RouteName, routes } from './routes.ts'

/** In place of everything behind the API: whoever is let through meets nothing, and fails. */
const nothing: unknown = new Proxy(() => nothing, { get: (_, name) => (name === 'then' ? undefined : nothing) })
const api = createApi({
  store: nothing,
  queue: nothing,
  issuer: nothing,
  token: new Secret(`tel_${'x'.repeat(43)}`),
  version: '0.0.0',
  log: { error: () => {}, warn: () => {}, info: () => {} },
  audit: nothing,
} as unknown as ApiDeps)

const names = Object.keys(routes) as RouteName[]

/** Whether a route lets in whoever has no token. */
const isOpen = async (name: RouteName): Promise<boolean> => {
  const { method, path } = routes[name]
  const response = await api.request(path.replaceAll(/\{[^}]+\}/g, 'x'), { method: method.toUpperCase() })
  return response.status !== 401
}

/** What a route asks of whoever calls it, and whether the record of who did what has it. */
const lineOf = async (name: RouteName): Promise<string> => {
  const { method, path } = routes[name]
  const access = (await isOpen(name)) ? 'open' : 'token'
  return `${method.toUpperCase().padEnd(6)} ${path.padEnd(48)} ${access.padEnd(5)} ${audited[name] === undefined ? 'unrecorded' : 'recorded'}`
}

test('what each route asks for is what was agreed: a change of it is a change of this file', async () => {
  const lines = await Promise.all(names.map(lineOf))
  await expect(`${lines.toSorted().join('\n')}\n`).toMatchFileSnapshot('../../tests/fixtures/route-access.txt')
})

test('only health and the public documents of issuers are open, and they change nothing', async () => {
  const open: RouteName[] = []
  for (const name of names) if (await isOpen(name)) open.push(name)
  expect(open.toSorted()).toEqual(['discoverIssuer', 'issuerKeys', 'livez', 'readyz'])
  for (const name of open) expect(routes[name].method).toBe('get')
})

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { disagreement } from '../../tests/integration/gate/agreement.ts'
import { parseRequest, type RequestInfo } from './path.ts'

interface Known {
  readonly m: string
  readonly u: string
  readonly a: Parameters<typeof disagreement>[1]
}

const known = readFileSync(new URL('../../tests/fixtures/gate/requestinfo.ndjson', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Known)

const parsed = (method: string, url: string): Partial<RequestInfo> | string => {
  const answer = parseRequest(method, url)
  if (!answer.ok) return answer.reason
  const { isResource: _, path: __, prefix: ___, ...info } = answer.info
  return Object.fromEntries(Object.entries(info).filter(([, value]) => value !== ''))
}

test('sees in 3,000 requests what kube-apiserver 1.34 sees, or refuses them', () => {
  expect(known.length).toBe(3000)
  expect(known.map(({ m, u, a }) => disagreement({ m, u }, a)).filter((text) => text !== undefined)).toEqual([])
  // Refusing everything would agree, too.
  expect(known.filter(({ m, u }) => parseRequest(m, u).ok).length).toBeGreaterThan(1200)
})

test.each([
  ['GET', '/api/v1/namespaces/dev/pods/web-0', { verb: 'get', version: 'v1', namespace: 'dev', resource: 'pods', name: 'web-0' }],
  ['GET', '/api/v1/namespaces/dev/pods?limit=500', { verb: 'list', version: 'v1', namespace: 'dev', resource: 'pods' }],
  ['GET', '/api/v1/namespaces/dev/pods?watch', { verb: 'watch', version: 'v1', namespace: 'dev', resource: 'pods' }],
  ['GET', '/api/v1/namespaces/dev/pods?watch=f', { verb: 'watch', version: 'v1', namespace: 'dev', resource: 'pods' }],
  ['GET', '/api/v1/namespaces/dev/pods?x=?&watch=true', { verb: 'watch', version: 'v1', namespace: 'dev', resource: 'pods' }],
  ['GET', '/api/v1/namespaces/dev/pods??watch=1', { verb: 'list', version: 'v1', namespace: 'dev', resource: 'pods' }],
  ['GET', '/api/v1/watch/namespaces/dev/pods/a', { verb: 'watch', version: 'v1', namespace: 'dev', resource: 'pods', name: 'a' }],
  ['POST', '/api/v1/proxy/nodes/n/stats', { verb: 'proxy', version: 'v1', resource: 'nodes', name: 'n' }],
  ['GET', '/api/v1/namespaces/dev', { verb: 'get', version: 'v1', namespace: 'dev', resource: 'namespaces', name: 'dev' }],
  [
    'PUT',
    '/api/v1/namespaces/dev/finalize',
    { verb: 'update', version: 'v1', namespace: 'dev', resource: 'namespaces', subresource: 'finalize', name: 'dev' },
  ],
  [
    'DELETE',
    '/apis/apps/v1/namespaces/dev/deployments',
    { verb: 'deletecollection', group: 'apps', version: 'v1', namespace: 'dev', resource: 'deployments' },
  ],
  ['GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dn%2Cmetadata.name%3Da', { verb: 'list', version: 'v1', resource: 'pods', name: 'a' }],
  ['GET', '/apis/apps/v1', { verb: 'get' }],
])('%s %s', (method, url, info) => {
  expect(parsed(method, url)).toEqual(info)
})

test.each([
  ['GET', '/api/v1/namespaces/dev//pods'],
  ['GET', '//api/v1/pods'],
  ['GET', '/api/v1/namespaces/dev%2fpods'],
  ['GET', '/api/v1/namespaces/dev/../prod/pods'],
  ['GET', '/api/v1/namespaces/dev/%2e%2e/prod/pods'],
  ['GET', '/api/v1/namespaces/dev/pods/%00'],
  ['GET', '/api/v1/namespaces/dev/pods/%252e%252e'],
  ['GET', '/api/v1/namespaces/dev/pods\\a'],
  ['GET', '/api/v1/namespaces/dev/pods#a'],
  ['GET', '/api/v1/namespaces/d\u00e9v/pods'],
  ['GET', '/api/v1/pods?watch=0&watch=1'],
  ['GET', '/api/v1/pods?a=1;watch=1'],
  ['GET', '/api/v1/pods?watch=%zz'],
  ['GET', '/api/v1/pods?watch=fal%C5%BFe'],
  ['GET', '/api/v1/namespaces?fieldSelector=metadata.name%3Ddev&limit=x'],
  ['GET', '/api/v1/namespaces?fieldSelector=metadata.name%3Ddev&labelSelector=%3D'],
  ['GET', '/api/v1/namespaces?fieldSelector=metadata.name%3Ddev,metadata.name%3Dprod'],
  ['POST', '/api/v1/watch/pods'],
  ['GET', '/api/v1/watch'],
  ['OPTIONS', '/api/v1/pods'],
  ['GET', 'http://elsewhere/api/v1/pods'],
])('refuses %s %s as ambiguous', (method, url) => {
  expect(typeof parsed(method, url)).toBe('string')
})

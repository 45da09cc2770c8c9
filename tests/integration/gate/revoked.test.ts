import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../../src/cluster/connection.ts'
import { createLog } from '../../../src/log.ts'
import type { Credential } from '../../../src/model/credential.ts'
import { TelpherError } from '../../../src/model/errors.ts'
import { newId } from '../../../src/model/ids.ts'
import { Secret } from '../../../src/model/secret.ts'
import { openAccess } from '../../../workers/access.ts'
import { eventually } from '../../support/eventually.ts'
import { sampleTarget } from '../../support/samples.ts'
import { openGate } from './harness.ts'
import { startUnruly } from './unruly.ts'

const maps = '/api/v1/namespaces/dev/configmaps'

test('once a revocation is known the gate is shut in the same turn: what is open ends, and nothing more is sent', async () => {
  let isRevoked = false
  const unruly = await startUnruly((request, response) => {
    if (request.url?.includes('watch') === true) return void response.write('{"type":"ADDED","object":{}}\n')
    response.writeHead(isRevoked ? 401 : 200).end('{"kind":"Status","apiVersion":"v1"}')
  })
  onTestFinished(() => unruly.stop())
  const token: Credential = { id: 'token', kind: 'bearer', token: new Secret('token-of-the-attempt') }
  const target = sampleTarget('t', { server: unruly.server, ca: unruly.ca })
  const order: string[] = []
  const access = await openAccess({
    grants: {
      grant: async () => ({
        credential: token,
        renewable: true,
        renew: async () => {
          throw new TelpherError('grant_revoked', 'the credential of this attempt was revoked')
        },
        end: async () => {},
      }),
    },
    cluster: { connect },
    target,
    attempt: { deploymentId: newId('dep'), jobId: newId('job'), attempt: 1 },
    lifetimeMs: 600_000,
    onSecret: () => {},
    // As an attempt does (workers/attempt.ts).
    onRevoked() {
      order.push(`known after ${unruly.asked.length} requests`)
      opened.claim.supersede()
      order.push(`shut: ${opened.claim.state()}`)
    },
    log: createLog('error', {}),
  })
  const opened = await openGate(unruly, token, { connection: access.current, renew: async () => access.renew?.() })
  onTestFinished(() => opened.stop())
  const watch = await fetch(`${opened.url}${maps}?watch=true`)
  const reader = watch.body?.getReader()
  expect(new TextDecoder().decode((await reader?.read())?.value)).toContain('ADDED')
  expect((await fetch(`${opened.url}${maps}`)).status).toBe(200)
  const watching = reader?.read().then(
    ({ done }) => order.push(`the watch ended: ${done}`),
    () => order.push('the watch was cut'),
  )
  isRevoked = true
  const asking = fetch(`${opened.url}${maps}`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
  await asking.then((answer) => answer.text()).catch(() => {})
  await watching
  expect(order).toEqual(['known after 3 requests', 'shut: superseded', 'the watch was cut'])
  await expect(fetch(`${opened.url}${maps}`)).rejects.toThrow()
  await eventually(() => opened.gate.openWrites() === 0)
  expect(unruly.asked).toHaveLength(3)
})

import { expect, test } from 'vitest'
import { createClaim } from '../src/gate/index.ts'
import type { ClusterConnection, ClusterRequest } from '../src/model/ports.ts'
import { underClaim } from './own-requests.ts'

const start = () => {
  const sent: ClusterRequest[] = []
  const connection = { credentialId: 'c', request: async (asked: ClusterRequest) => void sent.push(asked) } as unknown as ClusterConnection
  const claim = createClaim({ claimMs: 8000, now: () => 0 })
  return { sent, claim, own: underClaim(connection, claim, 'telpher/job_1/2') }
}

test('reads go as they are, a write waits for the claim and bears the mark of its attempt', async () => {
  const { sent, claim, own } = start()
  await own.request({ method: 'GET', path: '/a' })
  const written = own.request({ method: 'PUT', path: '/b', headers: { accept: 'x' } })
  expect(sent).toEqual([{ method: 'GET', path: '/a' }])
  claim.renewed(0)
  await written
  expect(sent[1]).toEqual({ method: 'PUT', path: '/b', headers: { accept: 'x', 'user-agent': 'telpher/job_1/2' } })
})

test('nothing is written once another attempt took over', async () => {
  const { sent, claim, own } = start()
  const waiting = own.request({ method: 'PUT', path: '/b' })
  claim.supersede()
  await expect(waiting).rejects.toMatchObject({ code: 'gate_superseded' })
  await expect(own.request({ method: 'PUT', path: '/b' })).rejects.toMatchObject({ code: 'gate_superseded' })
  expect(sent).toEqual([])
})

import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createConnector } from '../../../src/cluster/connection.ts'
import { createMinting } from '../../../src/credentials/grant.ts'
import type { Credential } from '../../../src/model/credential.ts'
import type { AttemptRef } from '../../../src/model/deployment.ts'
import type { Given } from '../../../src/model/ports.ts'
import { newAttempt } from '../../contract/modes.ts'
import { eventually } from '../../support/eventually.ts'
import { asked, journalOf, rotating, statusOf, usedToken } from '../../support/rotating.ts'
import { rotationScene } from '../../support/rotation-scene.ts'
import { type OpenGate, openGate } from '../gate/harness.ts'

/** Some in `npm test`, fifty in `npm run soak`. */
const jobs = Number(process.env['IN_FLIGHT'] ?? 6)
/** kubectl processes that apply at a time: each is a quarter of a second of a processor. */
const appliers = 2
const scene = rotationScene()

const credentialOf = (given: Given): Credential => {
  if (given === 'use-own') throw new Error('a credential was to be minted')
  return given.credential
}

interface Running {
  readonly gate: OpenGate
  readonly ref: AttemptRef
  /** Which of the long ones it runs, from before the rotation to after it. */
  readonly watch: 'get' | 'wait' | 'rollout'
  readonly watching: ReturnType<OpenGate['start']>
  /** What it has said so far. */
  readonly said: () => string
}

const watches = ['get', 'wait', 'rollout'] as const
const argsOf: Readonly<Record<Running['watch'], (name: string) => string[]>> = {
  get: (name) => ['get', 'configmap', `${name}-seen`, '--watch', '-o', 'name'],
  wait: (name) => ['wait', `configmap/${name}-seen`, '--for=jsonpath={.data.turn}=last', '--timeout=600s'],
  rollout: (name) => ['rollout', 'status', `deployment/${name}`, '--timeout=600s'],
}

const configMap = (name: string, turn: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { turn } })
/** No node takes its pod: it is rolled out when it is to have none. */
const workload = (name: string): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas: 1,
    progressDeadlineSeconds: 3600,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
})

test(`${jobs} jobs watch and apply with kubectl while the account is rotated: none fails, and no kubectl sees a 401`, {
  timeout: 600_000,
}, async () => {
  const { cluster, store, key, begin } = scene
  const { name: home, namespace, target } = await begin()
  const folder = await mkdtemp(join(tmpdir(), 'telpher-in-flight-'))
  const file = async (name: string, ...items: object[]): Promise<string> => {
    const path = join(folder, `${name}.json`)
    await writeFile(path, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    return path
  }
  const old = await usedToken(store, home, key)
  const connect = createConnector()
  const readAccount = (id: string) => store.accounts.get(id)
  const minting = createMinting({ readAccount, records: store.grants, key, cluster: { connect }, installation: 'srv_1' })
  const statuses = new Map<number, number>()
  const applied: { code: number; stderr: string }[] = []
  let renewals = 0

  const apply = async ({ kubectl }: OpenGate, path: string): Promise<void> => {
    const { code, stderr } = await kubectl('apply', '--server-side', '-n', namespace, '-f', path)
    applied.push({ code, stderr })
  }
  /** An attempt that reads its target before the rotation, and never again. */
  const start = async (number: number): Promise<Running> => {
    const [ref, name, watch] = [newAttempt(), `job-${number}`, watches[number % watches.length] ?? 'get']
    const credential = credentialOf(await minting.grant(target, ref, 600_000))
    let connection = connect(target, credential)
    const gate = await openGate(target, credential, {
      policy: { namespaces: [namespace] },
      connection: () => connection,
      renew: async () => {
        connection = connect(target, credentialOf(await minting.renew(target, ref, 600_000)))
        renewals++
      },
      onAnswer: (status) => void statuses.set(status, (statuses.get(status) ?? 0) + 1),
    })
    await apply(gate, await file(name, configMap(`${name}-seen`, 'first'), ...(watch === 'rollout' ? [workload(name)] : [])))
    const watching = gate.start(...argsOf[watch](name), '-n', namespace)
    let said = ''
    watching.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    return { gate, ref, watch, watching, said: () => said }
  }
  const running: Running[] = []
  for (let number = 0; number < jobs; number++) running.push(await start(number))
  const beforeApplies = applied.length
  // Each long one is at work: a watch is open, which the gate answers when it ends, so it is known by what it says.
  await eventually(async () => running.every(({ watch, said }) => watch === 'wait' || said() !== ''), 60_000)

  let isOver = false
  const lane = async (from: number): Promise<void> => {
    for (let number = from; !isOver; number = (number + appliers) % jobs) {
      const job = running[number]
      if (job === undefined) return
      await apply(job.gate, await file(`turn-${number}`, configMap(`job-${number}-applied`, String(applied.length))))
    }
  }
  const lanes = Array.from({ length: appliers }, (_, number) => lane(number))
  const loop = rotating(store, key, { only: [home] })
  const answer = await asked(store, home, { kind: 'rotate' }, 300_000)
  isOver = true
  await Promise.all(lanes)
  expect(answer).toMatchObject({ ok: true })
  expect(await statusOf(cluster, old)).toBe(401)
  const during = applied.length - beforeApplies

  // After it each is still what it was: it learns of a last change over the same watch, and ends well.
  for (const [number, { gate, watch }] of running.entries()) {
    await apply(gate, await file(`last-${number}`, configMap(`job-${number}-seen`, 'last')))
    if (watch === 'rollout') expect((await gate.kubectl('scale', `deployment/job-${number}`, '--replicas=0', '-n', namespace)).code).toBe(0)
  }
  for (const { watch, watching, said } of running) {
    if (watch === 'get') {
      await eventually(async () => said().split('\n').filter(Boolean).length >= 2, 60_000)
      watching.kill()
    }
    const { exitCode, stderr } = await watching
    expect([watch, stderr]).toEqual([watch, ''])
    if (watch !== 'get') expect([watch, exitCode]).toEqual([watch, 0])
  }
  await loop.stop()

  expect(applied.filter(({ code, stderr }) => code !== 0 || stderr !== '')).toEqual([])
  expect(during).toBeGreaterThan(appliers)
  const entries = running.flatMap(({ gate }) => gate.stored)
  expect(entries.filter(({ code }) => code >= 300)).toEqual([])
  expect(entries.length).toBeGreaterThanOrEqual(applied.length)
  expect([statuses.get(401) ?? 0, renewals]).toEqual([0, 0])
  expect(statuses.get(200)).toBeGreaterThan(jobs)
  const journal = await journalOf(store, home)
  expect((journal?.rotatedAt ?? 0) - (journal?.provenAt ?? 0)).toBeLessThan(5000)

  // Each is renewed and ended by whichever version is used then.
  for (const { gate, ref } of running) {
    await minting.renew(target, ref, 600_000)
    await gate.stop()
    await minting.end(target, ref)
  }
  expect(await minting.sweep(target, async () => true)).toBe(0)
})

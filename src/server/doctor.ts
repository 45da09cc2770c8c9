import { readFile } from 'node:fs/promises'
import { loadKeyFile } from '../credentials/keyfile.ts'
import { judgeAudit } from '../doctor/audit.ts'
import { judgeClock } from '../doctor/clock.ts'
import { lookAtPath } from '../doctor/collectPaths.ts'
import { judgeOlderKeys, judgeSecrets } from '../doctor/files.ts'
import { checksOf, type Looked, look, reportOf, skip } from '../doctor/finding.ts'
import { judgeWaiting, type WaitingJob } from '../doctor/queue.ts'
import { judgeRedis } from '../doctor/redis.ts'
import type { CheckId } from '../doctor/table.ts'
import { judgeTargets } from '../doctor/targets.ts'
import { judgeWorkers } from '../doctor/workers.ts'
import type { DoctorCheck, RedisFacts } from '../model/doctor.ts'
import type { Secret } from '../model/secret.ts'
import type { Target } from '../model/target.ts'
import type { SeenWorker } from '../model/worker.ts'
import type { Api, ApiDeps } from './context.ts'
import { lookAtOlderKeys } from './keyring.ts'
import { on } from './on.ts'

/** Each part has so long, in ms: shorter than a client waits for the whole. */
const limitMs = 8000
/** So many deployments are looked at, the oldest first: they have waited longest. */
const mostDeployments = 1000

interface Seen {
  readonly workers: readonly SeenWorker[]
  readonly targets: readonly Target[]
  readonly now: number
}

const checkRedis = async (redis: 'state' | 'store', { store }: ApiDeps): Promise<DoctorCheck[]> => {
  const looked: Looked<readonly RedisFacts[]> = await look(() => store.inspect(redis), limitMs)
  const options = { place: looked.facts?.[0]?.place ?? 'its address', named: true, ...(store.isSplit ? { subject: redis } : {}) }
  const clock = (looked.facts ?? []).map(({ place, skewMs }, _, all) =>
    judgeClock('server', -skewMs, all.length === 1 ? 'Redis' : `Redis ${place}`),
  )
  return checksOf(looked.ms, [...judgeRedis(looked, options), ...(redis === 'state' ? clock : [])])
}

const skipped = (ms: number, ids: readonly CheckId[], trouble: string): DoctorCheck[] =>
  checksOf(
    ms,
    ids.map((id) => skip(id, trouble)),
  )

const keyTrouble = async (file: string, kids: readonly string[]): Promise<string | undefined> => {
  const kid = await loadKeyFile(file).then(
    (key) => key.kid,
    (thrown: Error) => thrown,
  )
  if (kid instanceof Error) return kid.message
  return kids.includes(kid) ? undefined : `${file} holds another key than the one that the server runs with`
}

const tokenTrouble = async (file: string, token: Secret): Promise<string | undefined> => {
  const held = await readFile(file, 'utf8').catch(() => '')
  return held.trim() === token.reveal() ? undefined : `${file} holds another token than the one that the server takes`
}

const checkSecrets = async ({ secrets, token, kids, store }: ApiDeps): Promise<DoctorCheck[]> => {
  if (secrets === undefined) return []
  const { keyFile, tokenFile, olderKeyFiles = [] } = secrets
  const looked = await look(async () => {
    const [key, its, wrongKey, wrongToken, olderKeys] = await Promise.all([
      lookAtPath(keyFile),
      lookAtPath(tokenFile),
      keyTrouble(keyFile, kids),
      tokenTrouble(tokenFile, token),
      lookAtOlderKeys(olderKeyFiles, store),
    ])
    return {
      keyFile: { ...key, ...(wrongKey === undefined ? {} : { trouble: wrongKey }) },
      tokenFile: { ...its, ...(wrongToken === undefined ? {} : { trouble: wrongToken }) },
      olderKeys,
    }
  }, limitMs)
  if (looked.facts === undefined) return skipped(looked.ms, ['key-file', 'token-file'], looked.trouble)
  return checksOf(looked.ms, [...judgeSecrets(looked.facts, true), ...judgeOlderKeys(looked.facts.olderKeys)])
}

const sealedBy = async (targets: readonly Target[], { store }: ApiDeps): Promise<Record<string, string>> => {
  const found = await Promise.all(
    targets.map(async ({ name, account }) => {
      const record = await store.accounts.get(account.id).catch(() => undefined)
      return record === undefined ? [] : [[name, record.kid] as const]
    }),
  )
  return Object.fromEntries(found.flat())
}

const waitingJobs = async ({ targets }: Seen, { store }: ApiDeps): Promise<WaitingJob[]> => {
  const trials = new Set(targets.filter((target) => target.trials === true).map(({ name }) => name))
  const ids = (await store.deployments.active()).slice(0, mostDeployments)
  const snapshots = await Promise.all(ids.map((id) => store.deployments.snapshot(id).catch(() => undefined)))
  return snapshots
    .flatMap((snapshot) => snapshot?.jobs ?? [])
    .flatMap(({ job, admittedAt }) => {
      const { deploymentId, step, target, pool, status, waitsFor } = job
      if (status !== 'pending' && status !== 'admitted') return []
      const waiting = {
        deploymentId,
        step: step.name,
        target,
        pool,
        status,
        since: admittedAt ?? job.createdAt,
        trials: trials.has(target),
      }
      return [{ ...waiting, ...(waitsFor === undefined ? {} : { waitsFor }) }]
    })
}

const queueFacts = async (seen: Seen, deps: ApiDeps) => {
  const jobs = await waitingJobs(seen, deps)
  const pools = [...new Set([...seen.targets, ...seen.workers, ...jobs].map(({ pool }) => pool))]
  const depths = await Promise.all(pools.map(async (pool) => [pool, await deps.queue.depth(pool)] as const))
  return { ...seen, jobs, depths: Object.fromEntries(depths) }
}

const checkWork = async (deps: ApiDeps): Promise<DoctorCheck[]> => {
  const { store, version, kids } = deps
  const seen = await look(async (): Promise<Seen> => {
    const [workers, targets, now] = await Promise.all([store.workers.list(), store.targets.list(), store.workers.now()])
    return { workers, targets, now }
  }, limitMs)
  const { facts } = seen
  if (facts === undefined)
    return skipped(
      seen.ms,
      ['workers', 'worker-silent', 'worker-version', 'worker-isolation', 'queue', 'waiting-jobs', 'target-credential', 'account-key'],
      seen.trouble,
    )
  const pools = [...new Set(facts.targets.map(({ pool }) => pool))]
  const [queue, keys] = await Promise.all([
    look(() => queueFacts(facts, deps), limitMs),
    look(() => sealedBy(facts.targets, deps), limitMs),
  ])
  return [
    ...checksOf(seen.ms, judgeWorkers({ ...facts, version, pools })),
    ...(queue.facts === undefined
      ? skipped(queue.ms, ['queue', 'waiting-jobs'], queue.trouble)
      : checksOf(queue.ms, judgeWaiting(queue.facts))),
    ...(keys.facts === undefined
      ? skipped(keys.ms, ['target-credential', 'account-key'], keys.trouble)
      : checksOf(keys.ms, judgeTargets({ ...facts, sealedBy: keys.facts, keyIds: kids }))),
  ]
}

const checkAudit = async ({ store, audit }: ApiDeps): Promise<DoctorCheck[]> => {
  const { facts, ms, trouble } = await look(() => store.audit.verify(audit.signer, audit.seen?.()), limitMs)
  return checksOf(ms, [facts === undefined ? skip('audit', trouble) : judgeAudit(facts)])
}

/** `GET /v1/doctor`: what telpher doctor shows of the server and all behind it. Answers although Redis does not. */
export const addDoctorRoute = (api: Api, deps: ApiDeps): void => {
  on(api, 'doctor', async (context) => {
    const parts = await Promise.all([
      checkRedis('state', deps),
      ...(deps.store.isSplit ? [checkRedis('store', deps)] : []),
      checkSecrets(deps),
      checkWork(deps),
      checkAudit(deps),
    ])
    return context.json({ ...reportOf(parts.flat()), version: deps.version, now: (deps.now ?? Date.now)() })
  })
}

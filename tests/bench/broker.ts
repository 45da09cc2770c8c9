import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { connect } from '../../src/cluster/connection.ts'
import { createBinder } from '../../src/credentials/bound.ts'
import { createMinting } from '../../src/credentials/grant.ts'
import { loadKeyFile } from '../../src/credentials/keyfile.ts'
import { loadPoolKey } from '../../src/credentials/poolkey.ts'
import { type AttemptRequests, createRequester } from '../../src/credentials/request.ts'
import { makeSigner, openSigner } from '../../src/credentials/signer.ts'
import { jobEnvelope, signEnvelope } from '../../src/model/envelope.ts'
import { newId } from '../../src/model/ids.ts'
import { heartbeatMs } from '../../src/model/worker.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { startServerProcess } from '../../src/sandbox/processes.ts'
import { expand } from '../../src/scheduler/index.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { startOwnRedis } from '../support/ownredis.ts'
import { addIdentity } from '../support/rotating.ts'
import { applyStep, sampleRequest, sampleWorker } from '../support/samples.ts'
import { type Figure, median, rounded, timed } from './figures.ts'

/** Attempts that ask at the same time, as those of several workers do. */
const attempts = 64
/** Requests of each attempt in one run of `broker.per_s`, and requests one after the other in one of `broker.p50_ms`. */
const eachPerRun = 16
const singlesPerRun = 100

const lifetimeMs = 3_600_000

/** The same exchange between the same two ends, with nothing proven and nothing sealed. */
const startPlain = async (url: string) => {
  const answerer = spawn(process.execPath, [fileURLToPath(new URL('plain-answerer.ts', import.meta.url)), url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(createInterface(answerer.stdout), 'line')
  const store = await openStore({ url })
  const ending = new AbortController()
  const waiting = new Map<string, (answer: string) => void>()
  const hear = async (): Promise<void> => {
    for await (const { requestId, body } of store.broker.answers('plain', 'wrk_plain', ending.signal)) waiting.get(requestId)?.(body)
  }
  const hearing = hear()
  return {
    async ask(attempt: string): Promise<void> {
      const id = randomUUID()
      const { promise, resolve } = Promise.withResolvers<string>()
      waiting.set(id, resolve)
      await store.broker.send({ pool: 'plain', worker: 'wrk_plain', body: JSON.stringify({ id, attempt }), signature: '' })
      JSON.parse(await promise)
      waiting.delete(id)
    },
    async stop() {
      ending.abort()
      await hearing
      answerer.kill('SIGKILL')
      await store.close()
    },
  }
}

/** Attempts of one worker that were given their credentials, with all that renews their claims. */
const startAttempts = async (store: Store, dir: string, cluster: Cluster) => {
  const key = await loadKeyFile(join(dir, 'master.key'))
  const signer = openSigner(key, await store.signers.ensure(() => makeSigner(key)))
  const home = `bench-${randomUUID().slice(0, 8)}`
  const target = await addIdentity(
    cluster,
    store,
    key,
    { target: home, home, namespaces: ['default'] },
    { seconds: 86_400, changes: { pool: 'default' } },
  )
  // It came without a server, which gives nothing for what none of them wrote.
  await store.targets.change(target.name, createBinder(signer).bind)
  const minting = createMinting({
    readAccount: (id) => store.accounts.get(id),
    records: store.grants,
    key,
    cluster: { connect },
    installation: await store.installation(),
  })
  const worker = newId('wrk')
  const ending = new AbortController()
  const poolKey = await loadPoolKey(join(dir, 'pool.key'), 'default')
  const requester = createRequester({
    channel: store.broker,
    key: poolKey,
    worker,
    signal: ending.signal,
    log: (line) => process.stderr.write(`${JSON.stringify(line)}\n`),
  })
  const begin = async () => {
    const { deployment, jobs } = expand(sampleRequest([applyStep('app')], [target.name]), [target], Date.now())
    await store.deployments.create(deployment, jobs)
    const [job] = jobs
    if (job === undefined) throw new Error('there is no job')
    await store.jobs.apply(job, { type: 'admit' })
    await store.jobs.apply(job, { type: 'start', worker })
    await store.jobs.apply(job, { type: 'run', attempt: 1 })
    const held = { deploymentId: job.deploymentId, jobId: job.jobId, attempt: 1 }
    const envelope = signEnvelope(jobEnvelope(job, 1, { pins: {}, maxStarts: 5, now: Date.now() }), signer.privateKey)
    await minting.grant(target, held, lifetimeMs)
    return { held, requests: requester.forAttempt(envelope) }
  }
  const begun: Awaited<ReturnType<typeof begin>>[] = []
  const beat = async (): Promise<void> => {
    await store.workers.beat(sampleWorker(worker, { attempts: begun.map(({ held }) => ({ ...held, openWrites: 0 })) }))
    await Promise.all(begun.map(({ held }) => store.claims.renew(held, 1, worker)))
  }
  await beat()
  const beating = setInterval(() => void beat(), heartbeatMs)
  while (begun.length < attempts) begun.push(await begin())
  await beat()
  return {
    requests: begun.map(({ requests }) => requests),
    async stop() {
      clearInterval(beating)
      for (const { held } of begun) await minting.end(target, held)
      ending.abort()
    },
  }
}

const grantTo = async (requests: AttemptRequests): Promise<void> => {
  const answer = await requests.ask('grant', lifetimeMs)
  if (answer.is !== 'credential') throw new Error(`a broker answered with ${answer.is}`)
}

/** Milliseconds of each, one after the other, and how many a second when all attempts ask. */
const measure = async (runs: number, asks: readonly (() => Promise<void>)[]): Promise<{ p50: number; perSecond: number }> => {
  let turn = 0
  const single = await timed(runs * singlesPerRun, () => asks[turn++ % asks.length]?.() ?? Promise.resolve())
  const all = await timed(runs, () =>
    Promise.all(
      asks.map(async (ask) => {
        for (let n = 0; n < eachPerRun; n++) await ask()
      }),
    ),
  )
  return { p50: median(single), perSecond: (asks.length * eachPerRun) / (median(all) / 1000) }
}

/** Seconds that a process had of the processor. Linux counts them in hundredths (man 5 proc_pid_stat: utime, stime). */
const processorTime = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/**
 * `broker.p50_ms` and `broker.per_s`: from asking for a credential that is minted already until it is open, between a worker's client and the process of a
 * server; beside the same exchange in plain JSON over the same stream and list of Redis.
 */
export const brokerSuite = async (cluster: Cluster, runs: number): Promise<Figure[]> => {
  const dir = mkdtempSync(join(tmpdir(), 'telpher-bench-'))
  const redis = await startOwnRedis({ appendfsync: 'everysec' })
  const stops: (() => Promise<void>)[] = [() => redis.stop()]
  try {
    const server = await startServerProcess({
      ...{ dir, redisUrl: redis.url, dockerSocket: '', shimPath: '' },
      env: { TELPHER_TARGET_CHECK_SECONDS: '0' },
    })
    stops.push(() => server.stop())
    const store = await openStore({ url: redis.url })
    stops.push(() => store.close())
    const working = await startAttempts(store, dir, cluster)
    stops.push(working.stop)
    const plainRedis = await startOwnRedis({ appendfsync: 'everysec' })
    stops.push(() => plainRedis.stop())
    const plain = await startPlain(plainRedis.url)
    stops.push(plain.stop)
    const ours = working.requests.map((requests) => () => grantTo(requests))
    const theirs = working.requests.map((_, n) => () => plain.ask(String(n)))
    await measure(1, ours)
    await measure(1, theirs)
    const before = processorTime(server.pid)
    const own = await measure(runs, ours)
    const perGrant = (processorTime(server.pid) - before) / (runs * (singlesPerRun + attempts * eachPerRun))
    const peer = await measure(runs, theirs)
    const beside = (value: number) => ({ name: 'the same exchange in plain JSON', value: rounded(value) })
    return [
      {
        id: 'broker.p50_ms',
        value: rounded(own.p50),
        unit: 'ms',
        ratio: rounded(own.p50 / peer.p50),
        peer: beside(peer.p50),
        runs: runs * singlesPerRun,
      },
      {
        id: 'broker.per_s',
        value: rounded(own.perSecond),
        unit: 'grants/s',
        ratio: rounded(own.perSecond / peer.perSecond),
        peer: beside(peer.perSecond),
        runs,
      },
      { id: 'broker.processor_ms', value: rounded(perGrant * 1000), unit: 'ms', runs },
    ]
  } finally {
    for (let last = stops.pop(); last !== undefined; last = stops.pop()) await last()
    rmSync(dir, { recursive: true, force: true })
  }
}

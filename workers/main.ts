import { addressCheck, loopback } from '../src/cluster/addresses.ts'
import { createConnector } from '../src/cluster/connection.ts'
import { verify } from '../src/cluster/verify.ts'
import { type Config, loadConfig } from '../src/config.ts'
import { loadPoolKey } from '../src/credentials/poolkey.ts'
import { createRequester } from '../src/credentials/request.ts'
import { createLog, type Log } from '../src/log.ts'
import { envelopeVersion } from '../src/model/envelope.ts'
import type { TelpherError } from '../src/model/errors.ts'
import { newId } from '../src/model/ids.ts'
import { defaultImage } from '../src/model/image.ts'
import { deadAfterMs, type WorkerRecord } from '../src/model/worker.ts'
import { consume, type QueueItem } from '../src/queue/index.ts'
import { openStore } from '../src/store/index.ts'
import { countChange, countTroubles } from '../src/telemetry/changes.ts'
import { startOtlp } from '../src/telemetry/otlp.ts'
import { type OtlpConfig, readOtlp } from '../src/telemetry/otlp-config.ts'
import { createRegistry } from '../src/telemetry/registry.ts'
import { version } from '../src/version.ts'
import { containerSpec, type WorkerDeps } from './attempt.ts'
import { createContainers } from './containers.ts'
import { discoveryCaches } from './discovery.ts'
import { onSignals } from './drain.ts'
import { createExecutor, withoutImages } from './executor.ts'
import { giveBackMemory } from './give-back.ts'
import { type ReadyCheck, reasonOf, serveHealth } from './health.ts'
import { startHeartbeat } from './heartbeat.ts'
import { handleItem } from './item.ts'
import { createLogs } from './logs/logs.ts'
import { tellWorker } from './metrics.ts'
import { carryPipes } from './pipe.ts'
import { followPool } from './pool-settings.ts'
import { watchLoop } from './pressure.ts'
import { attemptSpans } from './spans.ts'
import { createVersions } from './versions.ts'

/** Between two sweeps of containers, in ms. */
const sweepMs = 60_000

export interface RunningWorker {
  readonly id: string
  readonly healthPort: number
  /** Resolves when somebody asked it to drain with `telpher worker drain`. */
  readonly drainAsked: Promise<void>
  /** Resolves when newer programs have taken the data to where this worker cannot follow: it must end at once. */
  readonly leftBehind: Promise<TelpherError>
  /** Stops taking work and resolves when what runs has ended, or was handed back after the time for it. */
  drain(): Promise<void>
  /** Ends at once: the containers of what runs are removed. */
  abort(): Promise<void>
}

/**
 * The composition root of a worker: connects, sweeps what dead predecessors left, and takes work until drained.
 * @param openExecutor the one that the configuration names, unless told otherwise
 * @throws TelpherError redis_*, docker_unreachable, program_missing, container_start, pool_key_file, enrolment_refused, broker_timeout
 */
export const startWorker = async (
  given: Config,
  log: Log,
  openExecutor: typeof createExecutor = createExecutor,
  otlpConfig?: OtlpConfig,
): Promise<RunningWorker> => {
  const config = withoutImages(given)
  const id = newId('wrk')
  const startedAt = Date.now()
  let draining = false
  const drainAsked = Promise.withResolvers<void>()
  const leftBehind = Promise.withResolvers<TelpherError>()
  const registry = createRegistry('worker')
  const troubles = countTroubles(registry)
  const otlp =
    otlpConfig &&
    startOtlp({
      config: otlpConfig,
      resource: { 'service.instance.id': id, 'cicd.worker.id': id, 'cicd.worker.name': config.workerName, 'telpher.pool': config.pool },
      version,
      onDropped: (count) => registry.add('telpher_telemetry_dropped_total', {}, count),
      log: (line) => log.warn(line, 'telemetry'),
    })
  const logHalf = config.logKeepMb * 500_000
  const key = await loadPoolKey(config.poolKeyFile, config.pool)
  const store = await openStore({
    url: config.redisUrl,
    storeUrl: config.storeRedisUrl,
    clientName: `worker-${config.workerName}`,
    migrates: false,
    program: { name: `worker ${config.workerName}`, onLeftBehind: leftBehind.resolve },
    log: (line) => log.warn(line, 'store'),
    limits: { ...config.keep, logHeadBytes: logHalf, logTailBytes: logHalf },
    onChange: countChange(registry),
  })
  const executor = await openExecutor(config)
  await executor.probe()
  if (config.executor === 'process')
    log.warn({}, 'steps run as processes of this machine, without isolation: only those of targets added with --trials are taken')
  const installation = await store.installation()
  const pins = await store.images.pins()

  const pool = await followPool({
    read: () => store.pools.get(config.pool),
    own: config,
    onConcurrency: (concurrency) => consumer.setConcurrency(concurrency),
    log,
  })

  /** What is there only later: a worker is heard before it is complete. */
  let shown: () => Partial<WorkerRecord> = () => ({})
  const heartbeat = startHeartbeat(
    { beat: (record) => store.workers.beat(record), renew: (ref, attempt, worker) => store.claims.renew(ref, attempt, worker) },
    () => ({
      id,
      name: config.workerName,
      pool: config.pool,
      version,
      envelope: envelopeVersion,
      executor: config.executor,
      state: draining ? 'draining' : heartbeat.held.size > 0 ? 'busy' : 'available',
      concurrency: pool.concurrency(),
      startedAt,
      at: Date.now(),
      ...shown(),
    }),
    log,
    drainAsked.resolve,
  )
  // The first heartbeat comes before the first start: nobody may hold a job that the watchdog does not know of.
  await heartbeat.beat()
  const containers = createContainers({ executor, store, log, warm: config.warm, installation, pool: config.pool, worker: id })
  await containers.sweep()

  const closing = new AbortController()
  const requester = createRequester({
    channel: store.broker,
    key,
    worker: id,
    signal: closing.signal,
    log: (line) => log.warn(line, 'broker'),
  })
  await requester.hello().catch(async (thrown: unknown) => {
    closing.abort()
    await heartbeat.stop()
    await store.workers.remove(id)
    throw thrown
  })
  const addresses = addressCheck([...config.targetNetworks, ...(config.executor === 'process' ? loopback : [])])
  const pipes = carryPipes({
    id,
    pool: config.pool,
    mail: store.pipes(config.pool),
    findTarget: (name) => store.targets.get(name),
    addresses,
    log: (line) => log.warn(line, 'pipes'),
  })
  const cluster = { connect: createConnector({ addresses }) }
  const logs = createLogs()
  const deps: WorkerDeps = {
    id,
    installation,
    config,
    log,
    logs,
    store,
    containers,
    findImage: executor.image,
    fixedImage: pool.image,
    sweep: containers.sweep,
    heartbeat,
    cluster,
    addresses,
    discovery: discoveryCaches(),
    version: createVersions(),
    judge: verify,
    registry,
    onAttempt(facts) {
      for (const span of attemptSpans(facts)) otlp?.span(span)
    },
  }
  const handle = (item: QueueItem): Promise<unknown> => {
    const failed = troubles('worker', (fields) => log.error(fields, 'a queue item failed'))
    return handleItem(item, key, requester, deps).catch((err: unknown) => failed({ err, item }))
  }
  const consumer = consume({
    url: config.redisUrl,
    pool: config.pool,
    concurrency: pool.concurrency(),
    handler: handle,
    log: troubles('queue', (line) => log.warn(line, 'queue')),
  })
  containers.expect(containerSpec(pool.image() ?? defaultImage, pins, deps))
  const sweeping = setInterval(() => {
    containers.sweep().catch((err: unknown) => log.warn({ err }, 'sweep'))
  }, sweepMs)
  let loopMs = 0
  const loop = watchLoop({
    onBlocked: () => void consumer.pause(),
    onCalm: () => (draining ? undefined : void consumer.resume()),
    onLook(worstMs) {
      loopMs = worstMs
      registry.observe('telpher_event_loop_delay_seconds', {}, worstMs / 1000)
    },
    log,
  })
  const checks = (): readonly ReadyCheck[] => [
    { name: 'draining', reason: draining ? 'draining' : undefined },
    { name: 'event-loop', reason: loop.isBlocked() ? 'its event loop stands' : undefined },
    { name: 'heartbeat', reason: heartbeat.silentMs() > deadAfterMs ? 'Redis did not answer its heartbeats' : undefined },
  ]
  shown = () => {
    const [takesNone, { idle: waiting, warm, cold }] = [reasonOf(checks()), containers.counts()]
    return { ...(takesNone === undefined ? {} : { takesNone }), containers: { waiting, warm, cold }, loopMs }
  }
  const health = await serveHealth({
    host: config.healthHost,
    port: config.healthPort,
    checks,
    metrics() {
      tellWorker(registry, {
        containers: containers.counts(),
        reconnects: store.reconnects(),
        isReady: reasonOf(checks()) === undefined,
        busy: heartbeat.held.size,
        concurrency: pool.concurrency(),
      })
      return registry.text()
    },
  })
  log.info({ worker: id, pool: config.pool, concurrency: pool.concurrency(), healthPort: health.port }, 'worker takes work')

  const close = async (): Promise<void> => {
    clearInterval(sweeping)
    closing.abort()
    loop.stop()
    pool.stop()
    await containers.close()
    await logs.close()
    await pipes.close()
    await heartbeat.stop()
    await store.workers.remove(id)
    await health.close()
    await otlp?.close()
    await store.close()
  }
  return {
    id,
    healthPort: health.port,
    drainAsked: drainAsked.promise,
    leftBehind: leftBehind.promise,
    async drain() {
      draining = true
      const closed = consumer.close()
      const handBack = setTimeout(() => {
        log.warn({ attempts: heartbeat.held.size }, 'the time to drain is over: what runs is handed back')
        for (const attempt of heartbeat.held) attempt.handBack()
      }, config.drainMs)
      await closed
      clearTimeout(handBack)
      await close()
    },
    async abort() {
      await executor.reap({ 'telpher.worker': id })
    },
  }
}

/** The worker process: configuration from the environment, logs on standard error. */
export const main = async (env: NodeJS.ProcessEnv): Promise<void> => {
  const config = loadConfig(env)
  const log = createLog(config.logLevel, { process: 'worker', worker: config.workerName })
  const worker = await startWorker(config, log, createExecutor, readOtlp(env))
  giveBackMemory()
  const end = onSignals(log, worker.drain, worker.abort)
  void worker.leftBehind.then(async (err) => {
    log.error({ err }, 'this worker ends at once')
    await worker.abort().catch(() => {})
    process.exit(1)
  })
  void worker.drainAsked.then(() => end('telpher worker drain'))
}

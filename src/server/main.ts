import { mkdir, rename, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { type Config, loadConfig } from '../config.ts'
import { summarize } from '../credentials/account.ts'
import { recordingMinting } from '../credentials/auditgrants.ts'
import { createAuditSigner } from '../credentials/auditkey.ts'
import { createBinder } from '../credentials/bound.ts'
import { createIssuer } from '../credentials/federation/issuer.ts'
import { createMinting } from '../credentials/grant.ts'
import { ensureKeyFile, type Keyring, withOlderKeys } from '../credentials/keyfile.ts'
import { createPackageVault } from '../credentials/packages.ts'
import { reseal, seal } from '../credentials/seal.ts'
import { makeSigner, openSigner } from '../credentials/signer.ts'
import { createVault } from '../credentials/vault.ts'
import { recordingCluster } from '../gate/index.ts'
import { createLog, type Log } from '../log.ts'
import type { TelpherError } from '../model/errors.ts'
import { checksPerMinute } from '../model/health.ts'
import { newId } from '../model/ids.ts'
import type { Cluster } from '../model/ports.ts'
import { signText } from '../model/signature.ts'
import { openQueue } from '../queue/index.ts'
import { startScaler } from '../scaler/loop.ts'
import { startHealth } from '../scheduler/health.ts'
import { type Scheduler, startGrantSweep, startLeftovers, startScheduler, startWatchdog } from '../scheduler/index.ts'
import { openStore, type Store } from '../store/index.ts'
import { countChange, countRun, countTroubles } from '../telemetry/changes.ts'
import { measureLoop } from '../telemetry/loop.ts'
import { type OtlpConfig, readOtlp } from '../telemetry/otlp-config.ts'
import { createRegistry } from '../telemetry/registry.ts'
import { version } from '../version.ts'
import { createApi } from './api.ts'
import { boundMinting } from './bound.ts'
import { startBroker } from './broker/broker.ts'
import { ensureFirstEnrolment } from './enrolments.ts'
import { startInbox } from './inbox.ts'
import { withoutDropped } from './keyring.ts'
import { listen } from './listen.ts'
import { createPackageRoom } from './packageroom.ts'
import { pipedCluster } from './pipe.ts'
import { scalePool } from './pools.ts'
import { startRetention } from './retention.ts'
import { startAccounts } from './rotation.ts'
import { scalerDriver } from './scaler-driver.ts'
import { createSeen, startSealing } from './sealing.ts'
import { signingQueue } from './signing.ts'
import { type ServerTelemetry, startTelemetry } from './telemetry.ts'
import { ensureToken } from './token.ts'

export interface RunningServer {
  readonly url: string
  /** Resolves when newer programs have taken the data to where this server cannot follow: it must end. */
  readonly leftBehind: Promise<TelpherError>
  close(): Promise<void>
}

/** What has to do with keys: the queue whose items are signed, and what opens accounts and secrets. */
const openSigned = async (config: Config, key: Keyring, store: Store, cluster: Cluster, log: Log) => {
  const signer = openSigner(key, await store.signers.ensure(() => makeSigner(key)))
  if (await ensureFirstEnrolment(config.poolKeyFile, Date.now(), { store, signer }))
    log.info({ file: config.poolKeyFile }, 'workers of the pool default are enrolled with the key in this file')
  const binder = createBinder(signer)
  const minting = recordingMinting(
    boundMinting(
      createMinting({
        readAccount: (account) => store.accounts.get(account),
        records: store.grants,
        key,
        cluster,
        installation: await store.installation(),
      }),
      binder,
    ),
    'server',
    (entry) => store.audit.append(entry),
  )
  const queue = signingQueue(openQueue({ url: config.redisUrl }), { store, signer, maxStarts: config.maxStarts })
  const packageVault = createPackageVault(key, signer)
  await store.packages.setUploadTo(signText('package key', packageVault.sealTo, signer.privateKey))
  return { signer, minting, binder, queue, vault: createVault(key), packages: createPackageRoom(store, packageVault) }
}

/**
 * The composition root of a server: HTTP API, scheduler and watchdog over one Redis. Several may run.
 * @throws TelpherError redis_*, key_file
 */
export const startServer = async (config: Config, log: Log, otlp?: OtlpConfig): Promise<RunningServer> => {
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  const [own, token] = await Promise.all([ensureKeyFile(config.keyFile), ensureToken(config.tokenFile)])
  const given = await withOlderKeys(own, config.olderKeyFiles)
  const registry = createRegistry('server')
  const leftBehind = Promise.withResolvers<TelpherError>()
  const store = await openStore({
    url: config.redisUrl,
    storeUrl: config.storeRedisUrl,
    clientName: 'server',
    program: { name: `server on ${hostname()}`, onLeftBehind: leftBehind.resolve },
    limits: config.keep,
    onChange: countChange(registry),
  })
  const key = await withoutDropped(given, store, (fields, message) => log.warn(fields, message)).catch(async (thrown: unknown) => {
    await store.close()
    throw thrown
  })
  const cluster = pipedCluster({ store, log: (line) => log.warn(line, 'pipes') })
  const recorded = recordingCluster(cluster, 'server', (call) => store.audit.append(call))
  const opened = await openSigned(config, key, store, recorded, log).catch(async (thrown: unknown) => {
    await cluster.close()
    await store.close()
    throw thrown
  })
  const { queue, signer, minting, binder, vault, packages } = opened
  const closing = new AbortController()
  let scheduler: Scheduler | undefined
  let telemetry: ServerTelemetry | undefined
  const troubles = countTroubles(registry)
  const auditSigner = createAuditSigner(key)
  const saw = createSeen()
  const api = createApi({
    store,
    queue,
    seal: (account, plaintext) => seal(key, { type: 'account', id: account, version: 1, plaintext }),
    vault,
    packages,
    binder,
    signer,
    reseal: (record) => reseal(key, record),
    kids: [key.kid, ...key.older.map(({ kid }) => kid)],
    audit: { signer: auditSigner, seen: saw.latest },
    summarize,
    targetCheckMs: config.targetCheckMs,
    issuer: createIssuer(config.issuerUrl, await store.installation()),
    token,
    version,
    secrets: { keyFile: config.keyFile, tokenFile: config.tokenFile, olderKeyFiles: config.olderKeyFiles },
    log: {
      error: troubles('api', (fields, message: string) => log.error(fields, message)),
      warn: (fields, message) => log.warn(fields, message),
      info: (fields, message) => log.info(fields, message),
    },
    closing: closing.signal,
    registry,
    overview: () => scheduler?.overview,
  })
  const listener = await listen(api, { host: config.host, port: config.port }).catch(async (thrown: unknown) => {
    await Promise.allSettled([queue.close(), cluster.close().finally(store.close)])
    throw thrown
  })
  const { signal } = closing
  const loop = measureLoop((worstMs) => registry.observe('telpher_event_loop_delay_seconds', {}, Math.max(0, worstMs) / 1000))
  const started = startScheduler({
    store,
    queue,
    log: troubles('scheduler', (line) => log.info(line, 'scheduler')),
    signal,
    onFinished(deployment, jobs) {
      countRun(registry, deployment)
      telemetry?.finished(deployment, jobs)
    },
  })
  scheduler = started
  const watchdog = startWatchdog({
    store,
    queue,
    log: troubles('watchdog', (line) => log.warn(line, 'watchdog')),
    signal,
    fence: minting.fence,
    onFenced: ({ refused }) => registry.add('telpher_fences_total', { outcome: refused ? 'refused' : 'unproven' }),
    limits: { maxStarts: config.maxStarts },
  })
  const broker = startBroker({
    store,
    minting,
    vault,
    packages,
    signer,
    log: troubles('broker', (line) => log.warn(line, 'broker')),
    signal,
  })
  const grantSweep = startGrantSweep({
    store,
    sweep: minting.sweep,
    log: troubles('sweep', (line) => log.warn(line, 'sweep of credentials')),
    signal,
  })
  const leftovers = startLeftovers({ store, log: troubles('scheduler', (line) => log.warn(line, 'scheduler')), signal })
  const inbox = startInbox({ store, packages, log: troubles('inbox', (line) => log.warn(line, 'inbox')), signal })
  const accounts = await startAccounts({
    store,
    key,
    cluster: recorded,
    binder,
    log: troubles('accounts', (line) => log.info(line, 'accounts')),
    signal,
  })
  const driver = await scalerDriver(config, process.env)
  const serverId = newId('srv')
  telemetry =
    otlp &&
    startTelemetry({
      config: otlp,
      registry,
      server: serverId,
      workers: async () => ({ workers: await store.workers.list(), now: await store.workers.now() }),
      active: () => started.overview.active.values(),
      log: (line) => log.warn(line, 'telemetry'),
    })
  const sealing = startSealing({
    audit: store.audit,
    signer: auditSigner,
    server: serverId,
    saw,
    log: troubles('audit', (line) => log.info(line, 'audit')),
    signal,
  })
  const retention = startRetention({
    store,
    trimAudit: () => store.audit.trim(auditSigner),
    log: troubles('retention', (line) => log.info(line, 'retention')),
    signal,
  })
  const settings = { everyMs: config.targetCheckMs, perMinute: checksPerMinute }
  const health = startHealth({
    store,
    queue,
    settings,
    server: serverId,
    log: troubles('health', (line) => log.warn(line, 'health')),
    signal,
  })
  const scaler = startScaler({
    async turn(forMs) {
      const isOurs = await store.pools.scalerTurn(serverId, forMs)
      telemetry?.setTurn(isOurs)
      return isOurs
    },
    pools: () => store.pools.list(),
    scale: (pool) => scalePool(pool, { store, queue }),
    ...(driver === undefined ? {} : { driver }),
    log: troubles('scaler', (line) => log.info(line, 'scaler')),
    signal,
  })
  log.info({ url: listener.url, tokenFile: config.tokenFile }, 'server listens')
  return {
    url: listener.url,
    leftBehind: leftBehind.promise,
    async close() {
      closing.abort()
      loop.stop()
      await listener.close()
      await Promise.all(
        [started, watchdog, broker, grantSweep, leftovers, inbox, sealing, retention, accounts, scaler, health].map(
          ({ stopped }) => stopped,
        ),
      )
      await telemetry?.close()
      await queue.close()
      await cluster.close()
      await store.close()
    },
  }
}

/** Says to programs on this machine where the server is and where its token lies: the CLI looks here. */
const announce = async (config: Config, url: string): Promise<void> => {
  const file = resolve(config.dataDir, 'endpoint.json')
  await writeFile(
    `${file}.new`,
    JSON.stringify({ url, tokenFile: config.tokenFile, pid: process.pid, dockerSocket: config.dockerSocket }),
    { mode: 0o600 },
  )
  await rename(`${file}.new`, file)
}

/** The server process: configuration from the environment, logs on standard error. */
export const main = async (env: NodeJS.ProcessEnv): Promise<void> => {
  const config = loadConfig(env)
  const log = createLog(config.logLevel, { process: 'server' })
  const server = await startServer(config, log, readOtlp(env))
  await announce(config, server.url)
  const end = (code: number): void => {
    server.close().then(
      () => process.exit(code),
      () => process.exit(1),
    )
  }
  process.once('SIGTERM', () => end(0))
  process.once('SIGINT', () => end(0))
  void server.leftBehind.then((err) => {
    log.error({ err }, 'this server ends')
    end(1)
  })
}

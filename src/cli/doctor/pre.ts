import type { Config } from '../../config.ts'
import { loadKeyFile } from '../../credentials/keyfile.ts'
import { judgeClock } from '../../doctor/clock.ts'
import { freeDiskAt, lookAtPath } from '../../doctor/collectPaths.ts'
import { judgeDocker, judgePrograms, skipDocker } from '../../doctor/docker.ts'
import { judgeFiles, type SecretFacts } from '../../doctor/files.ts'
import { checksOf, fail, look, skip } from '../../doctor/finding.ts'
import { judgeMachine } from '../../doctor/machine.ts'
import { judgePort } from '../../doctor/port.ts'
import { judgeRedis } from '../../doctor/redis.ts'
import { inspectEngine } from '../../executors/inspectEngine.ts'
import type { DoctorCheck } from '../../model/doctor.ts'
import { defaultImage } from '../../model/image.ts'
import { parseRedisAddress, placeOf } from '../../model/redis-address.ts'
import { inspectRedis } from '../../store/index.ts'
import { machineFacts, readConfig } from './machine.ts'
import { lookAtPort } from './port.ts'
import { tryContainer } from './trial.ts'

type Env = Readonly<Record<string, string | undefined>>

/** A first container of an engine waits for the volume of the shim, in ms. */
const trialMs = 60_000

const checkMachine = async (env: Env): Promise<DoctorCheck[]> => {
  const { facts, ms } = await look(async () => machineFacts(env))
  return facts === undefined ? [] : checksOf(ms, judgeMachine(facts))
}

/** A key that is there is read as a server would read it. */
const lookAtKey = async (path: string): Promise<SecretFacts> => {
  const facts = await lookAtPath(path)
  if (facts.found === undefined) return facts
  const trouble = await loadKeyFile(path).then(
    () => undefined,
    (thrown: Error) => thrown.message,
  )
  return trouble === undefined ? facts : { ...facts, trouble }
}

const checkFiles = async (config: Config): Promise<DoctorCheck[]> => {
  const looked = await look(async () => {
    const [dataFolder, keyFile, tokenFile, freeDisk] = await Promise.all([
      lookAtPath(config.dataDir),
      lookAtKey(config.keyFile),
      lookAtPath(config.tokenFile),
      freeDiskAt(config.dataDir),
    ])
    const none = config.executor === 'process' ? ({ shim: 'own' } as const) : {}
    const shim = config.shimPath === '' ? none : { shim: await lookAtPath(config.shimPath) }
    return { dataFolder, keyFile, tokenFile, ...(freeDisk === undefined ? {} : { freeDisk }), ...shim }
  })
  // A disk that hangs, such as one of a network.
  if (looked.facts === undefined)
    return checksOf(looked.ms, [fail('data-folder', `${config.dataDir}: ${looked.trouble}`, 'Name another with TELPHER_DATA_DIR.')])
  return checksOf(looked.ms, judgeFiles(looked.facts))
}

const checkPort = async ({ host, port }: Config): Promise<DoctorCheck[]> => {
  const looked = await look(() => lookAtPort(host, port))
  return checksOf(looked.ms, [looked.facts === undefined ? skip('port', looked.trouble) : judgePort(looked.facts)])
}

const checkRedis = async (url: string, named: boolean, subject?: string): Promise<DoctorCheck[]> => {
  const looked = await look(() => inspectRedis(url))
  const options = { place: placeOf(parseRedisAddress(url)), named, ...(subject === undefined ? {} : { subject }) }
  const clocks = looked.facts?.map(({ place, skewMs }, _, all) =>
    judgeClock('this machine', -skewMs, all.length === 1 ? 'Redis' : `Redis ${place}`),
  ) ?? [skip('clock', 'no other clock was reached')]
  return checksOf(looked.ms, [...judgeRedis(looked, options), ...(subject === 'store' ? [] : clocks)])
}

const checkAllRedis = async (config: Config, env: Env): Promise<DoctorCheck[]> => {
  const named = (env['TELPHER_REDIS_URL'] ?? '') !== ''
  if (config.storeRedisUrl === config.redisUrl) return checkRedis(config.redisUrl, named)
  return (await Promise.all([checkRedis(config.redisUrl, named, 'state'), checkRedis(config.storeRedisUrl, true, 'store')])).flat()
}

const checkDocker = async (config: Config): Promise<DoctorCheck[]> => {
  const { dockerSocket: socket, image = defaultImage } = config
  const engine = await look(() => inspectEngine(socket, image))
  const canTry = engine.facts?.hasImage === true && (await lookAtPath(config.shimPath)).found?.executable === true
  const trial = canTry ? await look((signal) => tryContainer({ ...config, image }, signal), trialMs) : undefined
  const findings = judgeDocker({ socket, image, engine, ...(trial === undefined ? {} : { trial }) })
  return findings.flatMap((finding) => checksOf(finding.id === 'container' ? (trial?.ms ?? 0) : engine.ms, [finding]))
}

const checkPrograms = async (): Promise<DoctorCheck[]> => {
  const { findJobPrograms, jobPath } = await import('../../sandbox/jobPrograms.ts')
  const looked = await look(() => findJobPrograms(jobPath()))
  return checksOf(looked.ms, [...skipDocker(), judgePrograms(looked)])
}

/**
 * Every check of this machine, at the same time: nothing of Telpher needs to run.
 * @param env the variables that a server or worker would read
 */
export const checkBefore = async (env: Env): Promise<DoctorCheck[]> => {
  const { config } = readConfig(env)
  const runs = config.executor === 'process' ? checkPrograms() : checkDocker(config)
  const parts = [checkMachine(env), checkFiles(config), checkPort(config), checkAllRedis(config, env), runs]
  const checks = (await Promise.all(parts)).flat()
  return config.executor === 'process' ? checks : [...checks, ...checksOf(0, [judgePrograms(undefined)])]
}

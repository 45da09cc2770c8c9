import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { goCommand } from '../../src/sandbox/setup/go.ts'
import { soakImages } from './images.ts'
import { soakKeda } from './keda.ts'
import { valkeyServer } from './valkey.ts'

const checkout = fileURLToPath(new URL('../../', import.meta.url))

interface Soak {
  readonly name: string
  readonly argv: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

const goFuzz = async (name: string, seconds: number): Promise<Soak> => ({
  name: `shim: ${name}`,
  argv: [await goCommand(), 'test', '-run=^$', `-fuzz=^${name}$`, `-fuzztime=${seconds}s`, '.'],
  cwd: `${checkout}containers/shim`,
})

/** The seeded tests of `npm test`, for longer; what fails prints the seed that repeats it (FUZZ_SEED). */
const vitestFuzz = (name: string, project: string, file: string, seconds: number): Soak => ({
  name,
  argv: [process.execPath, `${checkout}node_modules/vitest/vitest.mjs`, 'run', '--project', project, file],
  env: { FUZZ_SECONDS: String(seconds) },
})

const run = async ({ name, argv: [file = '', ...args], cwd = checkout, env = {} }: Soak): Promise<boolean> => {
  process.stdout.write(`\n== ${name}\n`)
  const child = spawn('nice', ['-n', '19', file, ...args], { cwd, env: { ...process.env, ...env }, stdio: 'inherit' })
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('exit', resolve))
  process.stdout.write(`${code === 0 ? '✓' : '✗'} ${name}\n`)
  return code === 0
}

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, only: { type: 'string', default: '' } } })
/** Whether `--only TEXT` lets it run. */
const isWanted = (name: string): boolean => name.includes(values.only)
const seconds = Math.round(Number(values.minutes) * 60)
if (!(seconds > 0)) throw new RangeError(`--minutes ${values.minutes}: a number of minutes for each fuzzer, such as 10`)

const soaks = [
  await goFuzz('FuzzDecode', seconds),
  await goFuzz('FuzzSession', seconds),
  vitestFuzz('tether: the worker’s end', 'unit', 'src/tether/fuzz.test.ts', seconds),
  vitestFuzz('gate: agreement with RequestInfoFactory', 'integration', 'tests/integration/gate/path-oracle.test.ts', seconds),
]
soaks.push({
  name: 'masker: 1,000,000 cases beside brute force',
  argv: [process.execPath, `${checkout}node_modules/vitest/vitest.mjs`, 'run', '--project', 'unit', 'src/credentials/mask.test.ts'],
  env: { MASK_CASES: '1000000' },
})

soaks.push({
  name: 'tokens of the mode federated: 100,000 inputs',
  argv: [process.execPath, `${checkout}node_modules/vitest/vitest.mjs`, 'run', '--project', 'unit', 'src/credentials/federation'],
  env: { CLAIM_CASES: '100000' },
})

soaks.push({
  name: 'pipes: letters that are lost, refused and come twice',
  argv: [process.execPath, `${checkout}node_modules/vitest/vitest.mjs`, 'run', '--project', 'unit', 'src/pipe/pipe.test.ts'],
  env: { PIPE_RUNS: '3000' },
})

/** What a test does with a few points of chance, with many; what fails prints the seed that repeats it (SOAK_SEED). */
const manyPoints = (name: string, file: string, env: Readonly<Record<string, string>>): Soak => ({
  name,
  argv: [process.execPath, `${checkout}node_modules/vitest/vitest.mjs`, 'run', '--project', file.split('/')[1] ?? '', file],
  env,
})
soaks.push(manyPoints('100,000 jobs raced for by 8 workers', 'tests/integration/scheduler/race.test.ts', { RACE_JOBS: '100000' }))
soaks.push(manyPoints('1,000 contenders over 20 locks', 'tests/integration/scheduler/contenders.test.ts', { CONTENDERS: '1000' }))
soaks.push(manyPoints('Redis forgets at every point of a server', 'tests/integration/scheduler/forgets.test.ts', { FORGETS: 'all' }))
soaks.push(manyPoints('helm killed at 50 points', 'tests/e2e/helm-killed.test.ts', { SOAK_KILLS: '50' }))
soaks.push(manyPoints('2,000 cuts of streams', 'tests/chaos/probe.test.ts', { SOAK_CUTS: '2000' }))
soaks.push(
  manyPoints('200 envelopes, each byte of them flipped', 'tests/integration/broker/exchanged.test.ts', { FLIPPED_ENVELOPES: '200' }),
)
soaks.push(manyPoints('200 cancels', 'tests/e2e/cancels.test.ts', { SOAK_CANCELS: '200' }))
const rotationFile = 'tests/integration/rotation/crash.test.ts'
soaks.push(manyPoints('rotation killed at 220 points', rotationFile, { ROTATION_KILLS: '220', ROTATION_LOSSES: '0' }))
soaks.push(manyPoints('rotation beside a Redis that forgets, 220 times', rotationFile, { ROTATION_KILLS: '0', ROTATION_LOSSES: '220' }))
soaks.push(manyPoints('rotation through faults, 40 times', 'tests/integration/rotation/faults.test.ts', { ROTATION_FAULTS: '40' }))
soaks.push(manyPoints('rotation while 50 jobs watch and apply', 'tests/integration/rotation/in-flight.test.ts', { IN_FLIGHT: '50' }))

/** The integration tests that speak to Redis, on another kind of it. @param leftOut those that are about a server alone */
const onRedis = (name: string, env: Readonly<Record<string, string>>, leftOut: readonly string[] = []): Soak => ({
  name: `integration tests on ${name}`,
  argv: [
    process.execPath,
    `${checkout}node_modules/vitest/vitest.mjs`,
    'run',
    '--project',
    'integration',
    ...['store', 'scheduler', 'server', 'worker', 'cli'].map((folder) => `tests/integration/${folder}`),
    ...leftOut.flatMap((file) => ['--exclude', file]),
  ],
  env,
})
soaks.push(manyPoints('fail-overs of Sentinel and of a cluster', 'tests/integration/redis/failover.test.ts', { SOAK_FAILOVERS: 'all' }))
soaks.push(onRedis('Redis behind Sentinel', { TEST_REDIS: 'sentinel' }))
// A full cluster is one full master: these fill one server.
soaks.push(onRedis('Redis Cluster', { TEST_REDIS: 'cluster' }, ['tests/integration/store/full.test.ts']))
/** What only Redis 7.2 and newer, and Valkey, can be asked: WAITAOF, by whom `telpher redis-acl --redis 7.2` prints users for, and by rotations. */
for (const onValkey of [
  // Its doctor finds the holes in the Lua of 8.0.1, which are there: nothing here passes it.
  (env: Readonly<Record<string, string>>) => onRedis('Valkey', env, ['tests/integration/cli/doctor.test.ts']),
  (env: Readonly<Record<string, string>>) =>
    manyPoints('users of Redis, and what is on its disk, on Valkey', 'tests/integration/redis/barrier.test.ts', env),
  (env: Readonly<Record<string, string>>) =>
    manyPoints('the barrier of rotations on Valkey, which has WAITAOF', 'tests/integration/store/barrier.test.ts', env),
])
  if (isWanted(onValkey({}).name)) soaks.push(onValkey({ TELPHER_REDIS_SERVER: await valkeyServer() }))
for (const [seconds, how] of [
  ['120', 'SIGKILL'],
  ['30', 'SIGSTOP'],
  ['120', 'SIGSTOP'],
] as const)
  soaks.push(
    manyPoints(`Redis away for ${seconds} s by ${how}`, 'tests/e2e/outages.test.ts', { SOAK_OUTAGE_S: seconds, SOAK_OUTAGE_BY: how }),
  )

/** What is no test of vitest: what it needs is too long to build for `npm test`. @returns whether it was well */
const runHere = async (name: string, work: () => Promise<void>): Promise<boolean> => {
  if (!isWanted(name)) return true
  process.stdout.write(`\n== ${name}\n`)
  const error: unknown = await work().catch((thrown: unknown) => thrown)
  process.stdout.write(error === undefined ? `✓ ${name}\n` : `✗ ${name}: ${String(error)}\n`)
  return error === undefined
}

let failed = 0
if (!(await runHere('every execution image', soakImages))) failed++
if (!(await runHere('the scaler of KEDA', soakKeda))) failed++
for (const soak of soaks) if (isWanted(soak.name) && !(await run(soak))) failed++
process.exitCode = failed === 0 ? 0 : 1

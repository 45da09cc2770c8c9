import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dockerExecutor } from '../../src/executors/docker.ts'
import type { Executor } from '../../src/model/ports.ts'
import { startCluster } from '../../src/sandbox/cluster.ts'
import { shimPath } from '../../src/sandbox/setup.ts'
import { type Stack, type StackOptions, startStack } from '../../src/sandbox/stack.ts'
import { openStore } from '../../src/store/index.ts'
import { enrolWorkers } from '../support/enrol.ts'
import { auditSuite } from './audit.ts'
import { brokerSuite } from './broker.ts'
import { clientOf } from './client.ts'
import { credentialsSuite } from './credentials.ts'
import { densitySuite } from './density.ts'
import { addBenchTargets, deploySuite, oneDeployment } from './deploy.ts'
import { drainSuite } from './drain.ts'
import { fanOutSuite } from './fanout.ts'
import type { Figure } from './figures.ts'
import { fromZeroSuite } from './fromzero.ts'
import { gateSuite } from './gate.ts'
import { logsSuite, pipelineSuite } from './logs.ts'
import { searchSuite } from './logsearch.ts'
import { maskSuite } from './mask.ts'
import { memorySuite } from './memory.ts'
import { nodeSuite } from './node.ts'
import { objectsSuite } from './objects.ts'
import { assessRate, commandsPerJob, idleMemory, versionTime, workerIsThere } from './parts.ts'
import { poolSuite } from './pool.ts'
import { recoverSuite } from './recover.ts'
import { replaySuite } from './replay.ts'
import { rotateSuite } from './rotate.ts'
import { startSuite } from './start.ts'
import { verifySuite } from './verify.ts'

const suites = [
  'deploy',
  'many',
  'parts',
  'logs',
  'credentials',
  'pool',
  'scale',
  'recover',
  'drain',
  'audit',
  'density',
  'zero',
  'node',
] as const
/** Bring up what they need by themselves. */
const apart: readonly string[] = ['node', 'credentials', 'pool', 'scale', 'recover', 'drain', 'audit']
/** Takes minutes, or is a part of another one: only when it is named. */
const named = ['objects', 'gate'] as const

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { output: { type: 'string', short: 'o', default: 'table' }, runs: { type: 'string', default: '7' } },
})
const runs = Number(values.runs)
const chosen: readonly string[] = positionals.length === 0 ? suites : positionals
const known: readonly string[] = [...suites, ...named]
const unknown = chosen.find((name) => !known.includes(name))
if (unknown !== undefined || !Number.isInteger(runs) || runs < 1) {
  process.stderr.write(`usage: npm run bench -- [${known.join('] [')}] [-o json] [--runs N]\n`)
  process.exit(2)
}

const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

/** As a worker has it. */
const benchExecutor = async (stack: Stack): Promise<Executor> =>
  dockerExecutor({ socketPath: stack.docker.socketPath, shimPath: await shimPath(), doorFolder: join(stack.dir, 'tether') })

/** The gate alone. */
const measureGate = async (stack: Stack, executor: Executor): Promise<Figure[]> => {
  const store = await openStore({ url: stack.redis.url })
  try {
    return await gateSuite({ cluster: stack.cluster, executor, store, runs })
  } finally {
    await store.close()
  }
}

const measureParts = async (stack: Stack): Promise<Figure[]> => {
  const executor = await benchExecutor(stack)
  const figures: Figure[] = []
  const measure = async (what: string, work: () => Promise<Figure[]> | Figure[]): Promise<void> => {
    say(`measuring ${what}`)
    figures.push(...(await work()))
  }
  await measure('the version command', () => versionTime(runs))
  await measure('the verifier', () => assessRate(runs))
  await measure('the start', () => startSuite({ executor, runs }))
  await measure('the gate', () => measureGate(stack, executor))
  await measure('the verdict', () => verifySuite({ cluster: stack.cluster, runs }))
  await measure('what deployments leave in Redis', memorySuite)
  await measure('Redis commands', () => commandsPerJob(stack, () => oneDeployment(stack), runs))
  return figures
}

/** Brings up a stack for some suites. */
const on = async (options: Pick<StackOptions, 'node' | 'audit'>, measure: (stack: Stack) => Promise<Figure[]>): Promise<Figure[]> => {
  const dir = mkdtempSync(join(tmpdir(), 'telpher-bench-'))
  const stack = await startStack({ ...options, dir, workers: 1, onStage: (stage) => say(`starting ${stage}`) })
  try {
    const coldKey = await enrolWorkers(await clientOf(stack), 'cold', dir)
    stack.addWorker('cold', { TELPHER_POOL: 'cold', TELPHER_POOL_KEY_FILE: coldKey, TELPHER_WARM_CONTAINERS: '0' })
    await workerIsThere(stack)
    await addBenchTargets(await clientOf(stack), stack)
    return await measure(stack)
  } finally {
    await stack.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

const onPretendedNodes = async (stack: Stack): Promise<Figure[]> => {
  const idle = idleMemory({ stack, runs })
  const figures: Figure[] = []
  if (chosen.includes('deploy')) {
    say('measuring deployments beside docker run')
    figures.push(...(await deploySuite({ stack, runs })))
  }
  if (chosen.includes('many')) {
    say('measuring a deployment to 200 targets')
    figures.push(...(await fanOutSuite(stack, Math.min(runs, 3))))
  }
  if (chosen.includes('objects')) {
    say('measuring thousands of objects beside kubectl')
    figures.push(...(await objectsSuite({ stack, runs: Math.min(runs, 3) })))
  }
  if (chosen.includes('gate')) {
    say('measuring the gate')
    figures.push(...(await measureGate(stack, await benchExecutor(stack))))
  }
  if (chosen.includes('parts')) figures.push(...idle, ...(await measureParts(stack)))
  if (chosen.includes('density')) {
    say('measuring the memory of deployments at a time beside kubectl in docker run')
    figures.push(...(await densitySuite(stack, Math.min(runs, 3))))
  }
  if (chosen.includes('logs')) {
    say('measuring output and the search of a log')
    const executor = await benchExecutor(stack)
    figures.push(
      ...(await logsSuite({ executor, runs })),
      ...(await pipelineSuite({ executor, runs, redisUrl: stack.redis.url })),
      ...(await searchSuite(stack, () => oneDeployment(stack), runs)),
    )
  }
  // The last: it ends the workers of the stack.
  if (chosen.includes('zero')) {
    say('measuring the first job of a pool without workers')
    figures.push(...(await fromZeroSuite(stack, Math.min(runs, 5))))
  }
  return figures
}

const figures: Figure[] = []
if (chosen.some((name) => !apart.includes(name))) figures.push(...(await on({ node: 'kwok' }, onPretendedNodes)))
if (chosen.includes('credentials')) {
  say('measuring the masker')
  figures.push(...maskSuite(runs))
  say('measuring tokens of attempts; each revocation takes the 10 s of the API server')
  const dir = mkdtempSync(join(tmpdir(), 'telpher-bench-'))
  const cluster = await startCluster({ dir, node: 'none', temporary: true })
  figures.push(...(await credentialsSuite(cluster, runs)), ...(await brokerSuite(cluster, runs)), ...(await rotateSuite(cluster)))
  await cluster.stop()
  rmSync(dir, { recursive: true, force: true })
}
if (chosen.includes('pool')) {
  say('measuring the books of a pool, without containers')
  figures.push(...(await poolSuite(Math.min(runs, 5))))
}
if (chosen.includes('scale')) figures.push(...replaySuite())
if (chosen.includes('recover')) {
  say('killing workers, beside those of BullMQ, and taking Redis away for 30 s')
  figures.push(...(await recoverSuite(runs)))
}
if (chosen.includes('drain')) {
  say('restarting 4 workers and 2 servers, one after the other, under load')
  figures.push(...(await drainSuite()))
}
if (chosen.includes('audit')) {
  say('measuring the record of who did what')
  figures.push(...(await auditSuite(Math.min(runs, 3))))
}
if (chosen.includes('node')) {
  say('a real node; kubectl and helm wait up to 2 minutes each for what will not come')
  figures.push(...(await on({ node: 'real', audit: 'all' }, (stack) => nodeSuite({ stack, runs: Math.min(runs, 3) }))))
}
if (values.output === 'json') process.stdout.write(`${JSON.stringify({ figures }, undefined, 2)}\n`)
else
  for (const { id, value, unit, ratio, peer } of figures) {
    const beside = peer === undefined ? '' : `   ${ratio === undefined ? 'beside' : `${ratio} of`} ${peer.name} (${peer.value} ${unit})`
    process.stdout.write(`${id.padEnd(32)} ${String(value).padStart(8)} ${unit}${beside}\n`)
  }

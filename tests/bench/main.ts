import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dockerExecutor } from '../../src/executors/docker.ts'
import { shimPath } from '../../src/sandbox/setup.ts'
import { type Stack, startStack } from '../../src/sandbox/stack.ts'
import { clientOf } from './client.ts'
import { addBenchTargets, deploySuite, oneDeployment } from './deploy.ts'
import type { Figure } from './figures.ts'
import { gateSuite } from './gate.ts'
import { logsSuite } from './logs.ts'
import { searchSuite } from './logsearch.ts'
import { assessRate, commandsPerJob, idleMemory, versionTime, workerIsThere } from './parts.ts'
import { verifySuite } from './verify.ts'

const suites = ['deploy', 'parts', 'logs'] as const

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { output: { type: 'string', short: 'o', default: 'table' }, runs: { type: 'string', default: '7' } },
})
const runs = Number(values.runs)
const chosen = positionals.length === 0 ? suites : positionals
const unknown = chosen.find((name) => !(suites as readonly string[]).includes(name))
if (unknown !== undefined || !Number.isInteger(runs) || runs < 1) {
  process.stderr.write(`usage: npm run bench -- [${suites.join('] [')}] [-o json] [--runs N]\n`)
  process.exit(2)
}

const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

const measureParts = async (stack: Stack): Promise<Figure[]> => {
  const executor = dockerExecutor({ socketPath: stack.docker.socketPath, shimPath: await shimPath() })
  const figures: Figure[] = []
  const measure = async (what: string, work: () => Promise<Figure[]> | Figure[]): Promise<void> => {
    say(`measuring ${what}`)
    figures.push(...(await work()))
  }
  await measure('the version command', () => versionTime(runs))
  await measure('the verifier', () => assessRate(runs))
  await measure('the gate', () => gateSuite({ cluster: stack.cluster, executor, runs }))
  await measure('the verdict', () => verifySuite({ cluster: stack.cluster, runs }))
  await measure('Redis commands', () => commandsPerJob(stack, () => oneDeployment(stack), runs))
  return figures
}

const dir = mkdtempSync(join(tmpdir(), 'telpher-bench-'))
const stack = await startStack({ dir, node: 'kwok', workers: 1, onStage: (stage) => say(`starting ${stage}`) })
stack.addWorker('cold', { TELPHER_POOL: 'cold', TELPHER_WARM_CONTAINERS: '0' })
try {
  await workerIsThere(stack)
  const idle = idleMemory({ stack, runs })
  await addBenchTargets(await clientOf(stack), stack)
  const figures: Figure[] = []
  if (chosen.includes('deploy')) {
    say('measuring deployments beside docker run')
    figures.push(...(await deploySuite({ stack, runs })))
  }
  if (chosen.includes('parts')) figures.push(...idle, ...(await measureParts(stack)))
  if (chosen.includes('logs')) {
    say('measuring output and the search of a log')
    const executor = dockerExecutor({ socketPath: stack.docker.socketPath, shimPath: await shimPath() })
    figures.push(...(await logsSuite({ executor, runs })), ...(await searchSuite(stack, () => oneDeployment(stack), runs)))
  }
  if (values.output === 'json') process.stdout.write(`${JSON.stringify({ figures }, undefined, 2)}\n`)
  else
    for (const { id, value, unit, ratio, peer } of figures)
      process.stdout.write(
        `${id.padEnd(32)} ${String(value).padStart(8)} ${unit}${ratio === undefined ? '' : `   ${ratio} of ${peer?.name} (${peer?.value} ${unit})`}\n`,
      )
} finally {
  await stack.stop()
  rmSync(dir, { recursive: true, force: true })
}

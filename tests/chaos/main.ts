import { parseArgs } from 'node:util'
import { startEngine } from './installation.ts'
import { runChaos } from './runs.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '1' },
    output: { type: 'string', short: 'o', default: 'table' },
  },
})
const [runs, seed, lanes] = [Number(values.runs), Number(values.seed), Number(values.lanes)]
if (!Number.isInteger(runs) || runs < 1 || !Number.isInteger(seed) || !Number.isInteger(lanes) || lanes < 1) {
  process.stderr.write('usage: npm run chaos -- [--runs N] [--seed S] [--lanes L] [-o json]\n')
  process.exit(2)
}
const ending = new AbortController()
process.once('SIGINT', () => ending.abort())
process.once('SIGTERM', () => ending.abort())
const docker = await startEngine()
try {
  const say = (text: string): void => void process.stderr.write(`${text}\n`)
  const { report, troubles } = await runChaos({ runs, seed, lanes, docker, say, signal: ending.signal })
  for (const text of troubles) say(`✗ ${text}`)
  const rows = Object.entries(report).map(([name, value]) => `${name.padEnd(16)} ${value}`)
  process.stdout.write(values.output === 'json' ? `${JSON.stringify(report)}\n` : `${rows.join('\n')}\n`)
  process.exitCode = troubles.length === 0 ? 0 : 1
} finally {
  await docker.stop()
}

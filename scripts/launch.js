// What `npm run demo|dev|test|bench|check|soak|chaos` and ./telpher start with: plain JavaScript without dependencies, for Node 20 and newer.
// It installs the dependencies when they are missing or the lock file changed, and goes on under the Node that comes with them.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { ensureInstalled, nodeBinary } from './install.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const commands = ['demo', 'dev', 'test', 'bench', 'check', 'soak', 'chaos', 'cli']
const [command, ...rest] = process.argv.slice(2)

const stop = (text, code) => {
  process.stderr.write(`${text}\n`)
  process.exit(code)
}

if (!commands.includes(command)) stop(`usage: node scripts/launch.js ${commands.join('|')} [ARGS]`, 2)
try {
  await ensureInstalled(root)
} catch (error) {
  stop(error.message, 1)
}
const entry = command === 'cli' ? ['src/cli/main.ts', ...rest] : ['src/sandbox/launch.ts', command, ...rest]
const args = [`${root}${entry[0]}`, ...entry.slice(1)]
const child = spawn(nodeBinary(root), args, { stdio: 'inherit' })
// Ctrl-C reaches the child by itself, from the terminal; this process has to live on to hand out its exit code.
process.on('SIGINT', () => {})
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => stop(error.message, 1))
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))

import { spawn } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { constants } from 'node:os'
import { TelpherError } from '../model/errors.ts'
import { runChecks } from './checks.ts'
import { checkout } from './paths.ts'
import { goCommand } from './setup/go.ts'
import { prepare } from './setup.ts'
import { cleanState } from './state.ts'

/** Runs a program on this terminal. @returns its exit code; 128 + n for signal n */
const passOn = (file: string, args: readonly string[], cwd: string = checkout): Promise<number> => {
  const child = spawn(file, args, { stdio: 'inherit', cwd })
  const ignore = (): void => {}
  const forward = (signal: NodeJS.Signals): void => {
    child.kill(signal)
  }
  process.on('SIGINT', ignore)
  process.on('SIGTERM', forward)
  process.on('SIGHUP', forward)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      process.off('SIGINT', ignore).off('SIGTERM', forward).off('SIGHUP', forward)
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}

const runNode = (entry: string, args: readonly string[]): Promise<number> => {
  if (!existsSync(`${checkout}${entry}`)) throw new TelpherError('usage', `${entry} is not in this checkout`)
  return passOn(process.execPath, [`${checkout}${entry}`, ...args])
}

/** The shim's own tests, then all vitest projects; with arguments only what vitest is asked for. */
const runTests = async (args: readonly string[]): Promise<number> => {
  const shim = `${checkout}containers/shim`
  if (args.length === 0 && globSync(`${shim}/*_test.go`).length > 0) {
    const code = await passOn(await goCommand(), ['test', './...'], shim)
    if (code !== 0) return code
  }
  return passOn(process.execPath, [`${checkout}node_modules/vitest/vitest.mjs`, 'run', ...args])
}

const launch = async (command: string, given: readonly string[]): Promise<number> => {
  const args = given.filter((arg) => arg !== '--yes' && arg !== '--clean')
  if (given.includes('--clean')) {
    await cleanState(`${checkout}.telpher/${command}`)
    return 0
  }
  if (command === 'check') return runChecks()
  await prepare({ node: command === 'demo' || command === 'dev' ? 'real' : ['real', 'kwok'], yes: given.includes('--yes') })
  if (command === 'test') return runTests(args)
  if (command === 'bench' || command === 'soak' || command === 'chaos') return runNode(`tests/${command}/main.ts`, args)
  return runNode('src/cli/main.ts', [command, ...args])
}

const [command = '', ...rest] = process.argv.slice(2)
try {
  process.exitCode = await launch(command, rest)
} catch (error) {
  const isUsage = error instanceof TelpherError && error.code === 'usage'
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = isUsage ? 2 : 1
}

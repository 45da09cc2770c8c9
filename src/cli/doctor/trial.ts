import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../../config.ts'
import type { TrialFacts } from '../../doctor/docker.ts'
import { dockerExecutor } from '../../executors/docker.ts'
import type { Container } from '../../model/ports.ts'
import { openTether } from '../../tether/index.ts'

const mebibyte = 1024 * 1024
const label = 'telpher.doctor'
const pidLabel = 'telpher.doctor-pid'
const removalMs = 5000

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** What the trial runs: the names of the network interfaces, from a place that needs no network tool. */
const runProgram = async (container: Container): Promise<TrialFacts> => {
  const began = performance.now()
  let output = ''
  const tether = openTether(container.stream, {
    onOutput: (stream, chunk) => {
      if (stream === 'stdout') output += Buffer.from(chunk).toString('utf8')
    },
    onConnection: (connection) => connection.destroy(),
  })
  try {
    await tether.ready
    const readyMs = Math.round(performance.now() - began)
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin' }
    const { code } = await tether.run({ argv: ['/bin/sh', '-c', 'ls /sys/class/net'], env, cwd: '/work' })
    return { readyMs, code, interfaces: output.split('\n').filter((line) => line !== '') }
  } finally {
    tether.destroy()
  }
}

/**
 * Starts one container as steps have it, runs a program in it, and removes it, and with it what a killed doctor has left.
 * @param signal ends it early; nothing is left then either
 * @throws what the executor and the tether throw
 */
export const tryContainer = async (
  config: Pick<Config, 'dockerSocket' | 'shimPath' | 'memoryMb' | 'cpus'> & { readonly image: string },
  signal: AbortSignal,
): Promise<TrialFacts> => {
  const executor = dockerExecutor({ socketPath: config.dockerSocket, shimPath: config.shimPath })
  await executor.reap({ [label]: 'trial' }, (labels) => isAlive(Number(labels[pidLabel])))
  const spec = {
    image: config.image,
    labels: { [label]: 'trial', [pidLabel]: String(process.pid) },
    memoryBytes: config.memoryMb * mebibyte,
    cpus: config.cpus,
    pids: 128,
    scratchBytes: 16 * mebibyte,
  }
  const began = performance.now()
  const container = await executor.start(spec, signal)
  const startMs = Math.round(performance.now() - began)
  const end = (): Promise<void> => container.kill()
  const abandon = (): void => void end().catch(() => undefined)
  signal.addEventListener('abort', abandon, { once: true })
  try {
    const facts = await runProgram(container)
    return { ...facts, readyMs: startMs + facts.readyMs }
  } finally {
    signal.removeEventListener('abort', abandon)
    await Promise.race([end(), pause(removalMs, undefined, { ref: false })])
  }
}

import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { createGate, type Gate, type GateOptions } from '../src/gate/index.ts'
import { TelpherError } from '../src/model/errors.ts'
import type { Container, ContainerSpec, Executor } from '../src/model/ports.ts'
import type { StepSession } from '../src/steps/session.ts'
import { openTether, type Tether } from '../src/tether/index.ts'

interface SessionOptions {
  readonly executor: Executor
  readonly spec: ContainerSpec
  readonly gate: Omit<GateOptions, 'nonce'>
  readonly onOutput: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void | Promise<void>
  readonly signal: AbortSignal
  /** Told when the container could not be removed at the end. */
  readonly onLeft: (error: Error) => void
}

/** How long an end waits for the removal of its container, in ms: it is no reason to keep people waiting. */
const removalMs = 5000

/** The container's end explains a broken tether better than the tether can: out of memory, or gone. */
const explain = async (container: Container, thrown: unknown): Promise<never> => {
  const exit = await container.exited.catch((cause: unknown) => {
    throw cause instanceof TelpherError
      ? cause
      : new TelpherError('container_lost', 'the container was lost with its engine', { cause: thrown })
  })
  if (exit.oomKilled) throw new TelpherError('job_oom', 'the container ran out of memory', { cause: thrown })
  throw thrown
}

/**
 * Starts a container and joins it with a tether and a gate.
 * @throws what the executor and the tether throw; nothing is left behind then
 */
export const openSession = async (options: SessionOptions): Promise<StepSession> => {
  const nonce = randomBytes(24).toString('base64url')
  const container = await options.executor.start(options.spec, options.signal)
  const gate: Gate = createGate({ ...options.gate, nonce })
  const tether: Tether = openTether(container.stream, { onOutput: options.onOutput, onConnection: (connection) => gate.accept(connection) })
  const dispose = async (): Promise<void> => {
    gate.shut('closed')
    await gate.settled()
    tether.destroy()
    // How the step ended is not changed by an engine that is away.
    const removed = container.kill().catch(options.onLeft)
    await Promise.race([removed, pause(removalMs, undefined, { ref: false })])
  }
  const orExplain = (thrown: unknown): Promise<never> => explain(container, thrown)
  try {
    const { port } = await tether.ready.catch(orExplain)
    return {
      port,
      nonce,
      run: (job) => tether.run(job).catch(orExplain),
      signal: (name) => tether.signal(name),
      writes: () => gate.entries(),
      refusals: () => gate.refusals(),
      onWrite: (listener) => gate.onWrite(listener),
      openWrites: () => gate.openWrites(),
      settled: () => gate.settled(),
      dispose,
    }
  } catch (thrown) {
    await dispose()
    throw thrown
  }
}

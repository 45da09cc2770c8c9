import { randomBytes } from 'node:crypto'
import { createGate, type GateOptions } from '../src/gate/index.ts'
import type { StepSession } from '../src/steps/session.ts'
import type { TetherOptions } from '../src/tether/index.ts'
import type { ReadyContainer } from './container.ts'

interface SessionOptions {
  readonly container: ReadyContainer
  readonly gate: Omit<GateOptions, 'nonce'>
  readonly onOutput: TetherOptions['onOutput']
  readonly cleanup: { readonly limitMs: number; readonly onLate: () => void }
}

/** Waits for the removal of a container, but not for ever: it goes on by itself, and the sweep sees to what it leaves. */
const removedInTime = async (removed: Promise<void>, { limitMs, onLate }: SessionOptions['cleanup']): Promise<void> => {
  const { promise: over, resolve } = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => resolve('late'), limitMs)
  try {
    if ((await Promise.race([removed, over])) === 'late') onLate()
  } finally {
    clearTimeout(timer)
  }
}

/** Joins a container that is ready with a gate of its own, for one job. */
export const openSession = ({ container, gate: options, onOutput, cleanup }: SessionOptions): StepSession => {
  const nonce = randomBytes(24).toString('base64url')
  let exited = false
  const gate = createGate({ ...options, nonce })
  const tether = container.use({ onOutput, onConnection: (connection) => gate.accept(connection) })
  return {
    ...(container.image === undefined ? {} : { image: container.image }),
    port: container.port,
    ...(container.place === undefined ? {} : { place: container.place }),
    nonce,
    async run(job) {
      const exit = await tether.run(job)
      exited = true
      return exit
    },
    signal: tether.signal,
    writes: () => gate.entries(),
    refusals: () => gate.refusals(),
    onWrite: (listener) => gate.onWrite(listener),
    openWrites: () => gate.openWrites(),
    settled: () => gate.settled(),
    async dispose() {
      gate.shut('closed')
      // While the store is away the ledger waits for it, and the container need not.
      const removed = container.dispose()
      await gate.settled()
      // What has ended by itself is removed while its end is told; what has not must be gone first.
      if (!exited) await removedInTime(removed, cleanup)
    },
  }
}

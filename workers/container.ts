import { setTimeout as pause } from 'node:timers/promises'
import { TelpherError, toTelpherError } from '../src/model/errors.ts'
import type { ImageFacts } from '../src/model/image.ts'
import type { Container, ContainerSpec, Executor } from '../src/model/ports.ts'
import { within } from '../src/model/within.ts'
import { openTether, type Tether, type TetherOptions } from '../src/tether/index.ts'

type Handlers = Pick<TetherOptions, 'onOutput' | 'onConnection'>

/** A container whose shim has said READY and that no job has used. */
export interface ReadyContainer {
  /** What its image is; absent where the executor cannot know. */
  readonly image?: ImageFacts
  /** Port inside the container that the job finds its API server at. */
  readonly port: number
  /** As in the port: where the job finds itself, when that is no container. */
  readonly place?: Container['place']
  /** False once the container, its engine or its stream is gone. */
  readonly alive: boolean
  /** Gives it to a job, once: before that nothing in it can write or connect. */
  use(handlers: Handlers): Pick<Tether, 'run' | 'signal'>
  /** Ends it; resolves when it is removed, or after some seconds. */
  dispose(): Promise<void>
}

/** How long an end waits for the removal of its container, in ms: it is no reason to keep people waiting. */
const removalMs = 5000
/** How long the end of a container is waited for once its tether broke, in ms: with an engine that hangs, nobody hears of it. */
const lastWordMs = 10_000

/** The container's end explains a broken tether better than the tether can: out of memory, or gone. */
const explain = async (container: Container, thrown: unknown): Promise<never> => {
  const broken = toTelpherError(thrown)
  // What is frozen does not end by itself; whether it is gone is seen at its end.
  if (broken.code === 'tether_silent') container.kill().catch(() => {})
  const ended = container.exited.catch((cause: unknown) => {
    throw cause instanceof TelpherError
      ? cause
      : new TelpherError('container_lost', 'the container was lost with its engine', { cause: thrown })
  })
  const exit = await within(ended, lastWordMs, broken)
  if (exit.oomKilled) throw new TelpherError('job_oom', 'the container ran out of memory', { cause: thrown })
  throw thrown
}

/**
 * Starts a container and waits until its shim is ready.
 * @param onEnd told once when it is over, with the error when the container could not be removed
 * @throws what the executor and the tether throw; nothing is left behind then
 */
export const openContainer = async (
  executor: Executor,
  spec: ContainerSpec,
  onEnd: (left?: Error) => void,
  signal?: AbortSignal,
): Promise<ReadyContainer> => {
  const container = await executor.start(spec, signal)
  let handlers: Handlers | undefined
  const handled = (): Handlers => {
    if (handlers === undefined) throw new TelpherError('tether_protocol', 'something spoke in a container that has no job')
    return handlers
  }
  const tether = openTether(container.stream, {
    onOutput: (stream, chunk) => handled().onOutput(stream, chunk),
    onConnection: (connection) => handled().onConnection(connection),
  })
  let alive = true
  const gone = (): void => {
    alive = false
  }
  container.exited.then(gone, gone)
  container.stream.once('close', gone)

  const dispose = async (): Promise<void> => {
    gone()
    tether.destroy()
    // How the step ended is not changed by an engine that is away.
    const removed = container.kill().then(() => onEnd(), onEnd)
    await Promise.race([removed, pause(removalMs, undefined, { ref: false })])
  }
  try {
    const { port } = await tether.ready.catch((thrown: unknown) => explain(container, thrown))
    return {
      ...(container.image === undefined ? {} : { image: container.image }),
      port,
      ...(container.place === undefined ? {} : { place: container.place }),
      get alive() {
        return alive
      },
      use(given) {
        if (handlers !== undefined) throw new TelpherError('internal', 'a container is used for one job only')
        handlers = given
        return {
          run: (job) => tether.run(job).catch((thrown: unknown) => explain(container, thrown)),
          signal: (name) => tether.signal(name),
        }
      },
      dispose,
    }
  } catch (thrown) {
    await dispose()
    throw thrown
  }
}

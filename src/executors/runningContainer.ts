import type { Duplex } from 'node:stream'
import type Docker from 'dockerode'
import { TelpherError } from '../model/errors.ts'
import type { ImageFacts } from '../model/image.ts'
import type { Container, ContainerExit } from '../model/ports.ts'
import { dockerError, engineSentence, engineStatus, isUnreachable } from './dockerErrors.ts'
import { inTime } from './engine.ts'
import { engineWait } from './engineWait.ts'

/** Milliseconds that a removal may take, an engine that restarts meanwhile included. */
const patience = 30_000

/** A started container behind the port: waits for its end, asks how it went, removes it. */
export const runningContainer = (container: Docker.Container, stream: Duplex, socketPath: string, image: ImageFacts): Container => {
  let killing: Promise<void> | undefined
  const exited = settle(container, socketPath, () => killing !== undefined)
  // A caller that only reads the stream learns of the loss there.
  exited.catch(() => undefined)
  return {
    id: container.id,
    image,
    stream,
    exited,
    kill: () => {
      killing ??= removeContainer(container)
        .catch((error: unknown) => {
          killing = undefined
          throw dockerError(error, 'remove the container', 'container_lost')
        })
        .finally(() => stream.destroy())
      return killing
    },
  }
}

const settle = async (container: Docker.Container, socketPath: string, killed: () => boolean): Promise<ContainerExit> => {
  let code: number | null = null
  try {
    // Not condition=next-exit beside the start, which can miss the exit (moby 35001).
    code = await engineWait(socketPath, container.id)
    const { State } = await container.inspect(inTime())
    await removeContainer(container)
    return { code, oomKilled: State.OOMKilled }
  } catch (error) {
    // Removed under the wait: nothing is left, and only the tether can say how the job ended.
    if (engineStatus(error) === 404 && (killed() || code !== null)) return { code, oomKilled: false }
    throw new TelpherError('container_lost', `The engine lost the container: ${engineSentence(error)}`, { cause: error })
  }
}

/**
 * Kills a container and removes it with its anonymous volumes; resolves when the engine knows it no more.
 * @throws what the engine answered last, when it did not do so within 30 s
 */
export const removeContainer = async (container: Docker.Container): Promise<void> => {
  const end = performance.now() + patience
  for (let pause = 100; ; pause = Math.min(2 * pause, 2000)) {
    try {
      const options = { force: true, v: true, abortSignal: AbortSignal.timeout(Math.ceil(end - performance.now())) }
      await container.remove(options)
      return
    } catch (error) {
      const status = engineStatus(error)
      if (status === 404) return
      // 409: another removal is under way, whose end is a 404. 500: something still holds a mount.
      const passing = status === 409 || status === 500 || isUnreachable(error)
      if (!passing || performance.now() + pause >= end) throw error
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}

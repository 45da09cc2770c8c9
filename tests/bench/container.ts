import type { ContainerSpec, Executor } from '../../src/model/ports.ts'
import { execImage } from '../../src/sandbox/execImage.ts'
import { openTether, type Tether, type TetherOptions } from '../../src/tether/index.ts'

const mebibyte = 1024 * 1024

/** A container of the execution image that waits at READY. */
export interface Waiting {
  readonly tether: Tether
  /** Port of the shim inside it. */
  readonly port: number
  end(): Promise<void>
}

/** @param label tells the containers of one benchmark from those of another */
export const startWaiting = async (executor: Executor, label: string, options: TetherOptions): Promise<Waiting> => {
  const spec: ContainerSpec = {
    image: execImage,
    labels: { 'telpher.bench': label },
    memoryBytes: 256 * mebibyte,
    cpus: 2,
    pids: 64,
    scratchBytes: 64 * mebibyte,
  }
  const container = await executor.start(spec)
  const tether = openTether(container.stream, options)
  const end = async (): Promise<void> => {
    tether.destroy()
    await container.kill()
  }
  try {
    const { port } = await tether.ready
    return { tether, port, end }
  } catch (thrown) {
    await end()
    throw thrown
  }
}

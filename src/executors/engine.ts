import { Agent } from 'node:http'
import Docker from 'dockerode'
import { TelpherError } from '../model/errors.ts'
import { within } from '../model/within.ts'
import { engineSentence } from './dockerErrors.ts'
import { deviates, type EngineFacts } from './hardening.ts'

/** Milliseconds that the engine may take for a simple answer. */
const answerLimit = 10_000

/** Spread into the options of a call that the engine answers at once. */
export const inTime = (): { abortSignal: AbortSignal } => ({ abortSignal: AbortSignal.timeout(answerLimit) })

/**
 * What the engine knows of an image. The library cannot give this call up: a connection that is cut in silence would keep it for ever.
 * @throws what the engine answers; Error when it does not in time
 */
export const inspectImage = (docker: Docker, name: string): Promise<Docker.ImageInspectInfo> => {
  const late = Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })
  return within(docker.getImage(name).inspect(), answerLimit, late)
}

/** A client of the engine behind a socket. DOCKER_HOST and its kin are not followed; no connection is kept, since it would outlive an engine that restarts. */
export const connectEngine = (socketPath: string): Docker => {
  const options = { socketPath, host: '', protocol: 'http' as const, agent: new Agent({ keepAlive: false }) }
  return new Docker(options)
}

// The library's types do not know that these take options.
interface Answering {
  ping(options: object): Promise<unknown>
  info(options: object): Promise<{ SwapLimit?: boolean; SecurityOptions?: string[] | null }>
}

/** @throws TelpherError docker_unreachable */
export const pingEngine = async (docker: Docker, socketPath: string): Promise<void> => {
  await (docker as unknown as Answering).ping(inTime()).catch((error: unknown) => {
    throw unreachable(error, socketPath)
  })
}

/**
 * Asks what the check of containers must know of the engine.
 * @throws TelpherError docker_unreachable, or container_deviates when the engine gives containers no seccomp profile
 */
export const askFacts = async (docker: Docker, socketPath: string): Promise<EngineFacts> => {
  const info = await (docker as unknown as Answering).info(inTime()).catch((error: unknown) => {
    throw unreachable(error, socketPath)
  })
  const seccomp = (info.SecurityOptions ?? []).find((option) => option.startsWith('name=seccomp'))
  if (seccomp === undefined || seccomp.includes('profile=unconfined'))
    throw deviates({ field: 'seccomp', expected: 'the default profile', found: seccomp })
  return { swapLimit: info.SwapLimit === true }
}

const unreachable = (error: unknown, socketPath: string): TelpherError =>
  new TelpherError('docker_unreachable', `The Docker engine at ${socketPath} does not answer: ${engineSentence(error)}`, { cause: error })

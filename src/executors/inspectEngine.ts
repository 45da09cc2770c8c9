import type { EngineFacts } from '../model/doctor.ts'
import { TelpherError } from '../model/errors.ts'
import { engineSentence, engineStatus } from './dockerErrors.ts'
import { connectEngine, inspectImage, inTime } from './engine.ts'

/** The parts of the answer of GET /info that are looked at (Docker API, SystemInfo). */
interface EngineInfo {
  readonly ServerVersion?: string
  readonly CgroupVersion?: string
  readonly SecurityOptions?: readonly string[] | null
  readonly MemoryLimit?: boolean
  readonly SwapLimit?: boolean
  readonly CpuCfsQuota?: boolean
  readonly PidsLimit?: boolean
}

// The library's types do not know that this takes options.
interface Answering {
  info(options: object): Promise<EngineInfo>
}

const seccompOf = (options: readonly string[]): EngineFacts['seccomp'] => {
  const found = options.find((option) => option.startsWith('name=seccomp'))
  if (found === undefined) return 'none'
  return found.includes('profile=unconfined') ? 'unconfined' : 'default'
}

/** What an engine tells of itself, but for its images. */
export const readEngine = (info: EngineInfo): Omit<EngineFacts, 'hasImage'> => {
  const options = info.SecurityOptions ?? []
  const has = (name: string): boolean => options.some((option) => option.split(',')[0] === `name=${name}`)
  return {
    version: info.ServerVersion ?? 'unknown',
    cgroupVersion: info.CgroupVersion ?? '1',
    seccomp: seccompOf(options),
    userNamespaces: has('userns'),
    rootless: has('rootless'),
    limits: {
      memory: info.MemoryLimit === true,
      swap: info.SwapLimit === true,
      cpu: info.CpuCfsQuota === true,
      pids: info.PidsLimit === true,
    },
  }
}

/**
 * Asks an engine about itself; nothing is started.
 * @param image that it should have
 * @throws TelpherError docker_unreachable
 */
export const inspectEngine = async (socketPath: string, image: string): Promise<EngineFacts> => {
  const docker = connectEngine(socketPath)
  try {
    const facts = readEngine(await (docker as unknown as Answering).info(inTime()))
    const hasImage = await inspectImage(docker, image).then(
      () => true,
      (error: unknown) => {
        if (engineStatus(error) === 404) return false
        throw error
      },
    )
    return { ...facts, hasImage }
  } catch (cause) {
    throw new TelpherError('docker_unreachable', engineSentence(cause), { cause })
  }
}

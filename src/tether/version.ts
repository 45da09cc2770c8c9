import { TelpherError } from '../model/errors.ts'
import { oldestTether, tetherVersion } from './frames.ts'

/** The versions of the tether that one end speaks: the newest, and the oldest where it is another one. */
export interface Spoken {
  readonly version: number
  readonly oldest?: number | undefined
}

const ours: Spoken = { version: tetherVersion, oldest: oldestTether }

const say = ({ version, oldest = version }: Spoken): string =>
  oldest === version ? `version ${version}` : `versions ${oldest} to ${version}`

/**
 * The newest version that both ends speak: an older shim and a newer worker work together, and the other way round, as long as there is one.
 * @param own what this end speaks
 * @throws TelpherError tether_version that names the versions of both, before a job is sent
 */
export const agreedVersion = (shim: Spoken, own: Spoken = ours): number => {
  const { oldest = shim.version } = shim
  const agreed = Math.min(shim.version, own.version)
  if (agreed >= Math.max(oldest, own.oldest ?? own.version)) return agreed
  const [older, newer] = shim.version < own.version ? ['shim', 'worker'] : ['worker', 'shim']
  throw new TelpherError(
    'tether_version',
    `the shim speaks ${say(shim)} of the tether, this worker ${say(own)}: the ${older} is too old for the ${newer}`,
  )
}

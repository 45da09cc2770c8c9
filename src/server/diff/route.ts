import { createHmac, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { TelpherError } from '../../model/errors.ts'
import { isId } from '../../model/ids.ts'
import type { PackageChange, RunDiff } from '../../model/rundiff.ts'
import type { Api, ApiDeps } from '../context.ts'
import { deploymentIdOf, on, parsed } from '../on.ts'
import { comparePackages } from './packages.ts'
import type { Hash } from './redact.ts'
import { changedPackages, diffRuns } from './runs.ts'

const querySchema = z.object({ with: z.string() })

/** Short hashes under a key that nobody has and that serves once: a short value could be guessed from a plain sum of it. */
const createHash = (): Hash => {
  const key = randomBytes(32)
  return (value) => createHmac('sha256', key).update(value).digest('hex').slice(0, 8)
}

const compare = async ({ store, packages: room }: ApiDeps, a: string, b: string): Promise<RunDiff> => {
  const [one, other] = await Promise.all([store.deployments.get(a), store.deployments.get(b)])
  const hash = createHash()
  const packages = new Map<string, PackageChange>()
  // One after the other: a deployment may have 50, and each is unpacked in memory.
  for (const { step, ...sums } of changedPackages(one, other)) packages.set(step, await comparePackages(room, sums.a, sums.b, hash))
  return diffRuns(one, other, packages, hash)
}

/** What differs between two deployments: one comparison at a time, as it holds packages in memory. */
export const addDiffRoute = (api: Api, deps: ApiDeps): void => {
  let last: Promise<unknown> = Promise.resolve()
  on(api, 'diffRuns', async (context) => {
    const a = deploymentIdOf(context)
    const b = parsed(querySchema, context.req.query()).with
    if (!isId('dep', b)) throw new TelpherError('unknown_deployment', `there is no deployment ${b.slice(0, 64)}`)
    const mine = last.then(() => compare(deps, a, b))
    last = mine.catch(() => {})
    return context.json(await mine)
  })
}

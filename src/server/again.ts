import { TelpherError } from '../model/errors.ts'
import type { Target } from '../model/target.ts'
import { packagesOf, type Run, rerunOf, retryOf, rollbackTo } from '../scheduler/again.ts'
import type { Api, ApiDeps } from './context.ts'
import { deploymentIdOf, on } from './on.ts'
import { answerStarted, type Planned } from './started.ts'
import { sealAgain } from './step-secrets.ts'

/** @throws TelpherError package_expired when one that is needed is no longer there */
const mustStillHave = async (run: Run, of: string, { store }: ApiDeps): Promise<void> => {
  for (const sha256 of packagesOf(run)) {
    if (await store.packages.has(sha256)) continue
    const steps = run.jobs.filter((job) => job.step.package === sha256).map((job) => job.step.name)
    const names = [...new Set(steps)].join(', ')
    throw new TelpherError('package_expired', `the package of step ${names} of ${of} is no longer kept (${sha256.slice(0, 12)})`)
  }
}

type Plan = (earlier: Run, known: ReadonlyMap<string, Target>, now: number) => Run

const runAgain = async (id: string, plan: Plan, deps: ApiDeps): Promise<Planned> => {
  const [earlier, targets] = await Promise.all([deps.store.deployments.get(id), deps.store.targets.list()])
  const run = plan(earlier, new Map(targets.map((target) => [target.name, target])), (deps.now ?? Date.now)())
  await mustStillHave(run, id, deps)
  return { ...run, secrets: await sealAgain(earlier.deployment, run.deployment, deps) }
}

const plans: Readonly<Record<'retry' | 'rerun' | 'rollback', Plan>> = { retry: retryOf, rerun: rerunOf, rollback: rollbackTo }

/** New deployments from earlier ones: retry, rerun, rollback. */
export const addAgainRoutes = (api: Api, deps: ApiDeps): void => {
  for (const verb of ['retry', 'rerun', 'rollback'] as const)
    on(api, verb, async (context) => {
      const id = deploymentIdOf(context)
      return answerStarted(context, `${verb} ${id}`, deps, () => runAgain(id, plans[verb], deps))
    })
}

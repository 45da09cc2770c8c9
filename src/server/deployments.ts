import { TelpherError } from '../model/errors.ts'
import { isTerminal } from '../model/states.ts'
import { type DeploymentRequest, deploymentRequestSchema } from '../model/step.ts'
import { matchesTags } from '../model/tags.ts'
import type { Target } from '../model/target.ts'
import { readTraceparent } from '../model/trace.ts'
import type { Run } from '../scheduler/again.ts'
import { expand } from '../scheduler/expand.ts'
import type { Api, ApiDeps } from './context.ts'
import { listDeployments, listSchema } from './list.ts'
import { bodyOf, deploymentIdOf, jobRefOf, on, parsed } from './on.ts'
import { cancelQuery } from './schemas.ts'
import { answerStarted } from './started.ts'
import { keepSecrets, sealFor } from './step-secrets.ts'

/** The targets that a request names or finds by its tag, each once. @throws TelpherError unknown_target */
const chosenTargets = async (request: DeploymentRequest, { store }: Pick<ApiDeps, 'store'>): Promise<Target[]> => {
  const all = new Map((await store.targets.list()).map((target) => [target.name, target]))
  const named = request.targets.map((name) => {
    const target = all.get(name)
    if (target === undefined) throw new TelpherError('unknown_target', `there is no target ${name}`, { field: 'targets' })
    return target
  })
  const { tag } = request
  const tagged = tag === undefined ? [] : [...all.values()].filter((target) => matchesTags(tag, target.tags))
  if (tag !== undefined && tagged.length === 0)
    throw new TelpherError('unknown_target', `there is no target with the tag ${tag}`, { field: 'tag' })
  const chosen = [...new Set([...named, ...tagged])]
  const canary = request.rollout?.canary
  const stranger = typeof canary === 'object' ? canary.find((name) => !chosen.some((target) => target.name === name)) : undefined
  if (stranger !== undefined)
    throw new TelpherError('unknown_target', `the canary ${stranger} is not among the targets of this deployment`, {
      field: 'rollout.canary',
    })
  return chosen
}

/** @throws TelpherError pool_cordoned */
const mustTakeWork = async (targets: readonly Target[], { store }: Pick<ApiDeps, 'store'>): Promise<void> => {
  const cordoned = (await store.pools.list()).filter(({ state }) => state === 'cordoned')
  for (const { name, pool } of targets) {
    const found = cordoned.find((one) => one.name === pool)
    if (found !== undefined)
      throw new TelpherError(
        'pool_cordoned',
        `pool ${pool} of target ${name} is cordoned${found.reason === undefined ? '' : `: ${found.reason}`}`,
        {
          field: 'targets',
        },
      )
  }
}

/**
 * A deployment as it was asked for, not yet stored.
 * @param mayDeploy looks at its targets, and throws when it may not go there
 * @throws TelpherError unknown_target, package_missing, pool_cordoned, and what `mayDeploy` throws
 */
export const planOf = async (
  request: DeploymentRequest,
  deps: Pick<ApiDeps, 'store' | 'packages' | 'now'>,
  mayDeploy: (targets: readonly Target[]) => void = () => {},
): Promise<Run> => {
  const [targets, named] = await Promise.all([chosenTargets(request, deps), deps.packages.named(request)])
  mayDeploy(targets)
  await mustTakeWork(targets, deps)
  return expand(named, targets, (deps.now ?? Date.now)())
}

export const addDeploymentRoutes = (api: Api, deps: ApiDeps): void => {
  const { store } = deps
  on(api, 'deploy', async (context) => {
    const { body } = await bodyOf(context, deploymentRequestSchema)
    const { request, given } = await keepSecrets(body, deps)
    // What is kept of a request to know its repetition holds no value, and no sum of one that could be tried out.
    const known = JSON.stringify(deps.packages.withoutSums(request))
    return answerStarted(context, known, deps, async () => {
      const { deployment: planned, jobs } = await planOf(request, deps)
      const trace = readTraceparent(context.req.header('traceparent'))
      const deployment = { ...planned, ...(trace === undefined ? {} : { trace }) }
      return { deployment, jobs, secrets: sealFor(deployment, given, deps) }
    })
  })
  on(api, 'listDeployments', async (context) => context.json(await listDeployments(store, parsed(listSchema, context.req.query()))))
  on(api, 'getDeployment', async (context) => context.json(await store.deployments.get(deploymentIdOf(context))))
  on(api, 'cancel', async (context) => {
    const id = deploymentIdOf(context)
    const force = parsed(cancelQuery, context.req.query()).force === 'true'
    const { jobs } = await store.deployments.get(id)
    for (const job of jobs) if (!isTerminal(job.status)) await store.jobs.apply(job, { type: 'cancel', ...(force ? { force } : {}) })
    await store.wakes.send(id)
    return context.json(await store.deployments.get(id), 202)
  })
  on(api, 'ledger', async (context) => {
    const ref = jobRefOf(context)
    await store.jobs.get(ref)
    return context.json({ entries: await store.ledger(ref).read() })
  })
}

import { createHash } from 'node:crypto'
import { z } from 'zod'
import { TelpherError } from '../model/errors.ts'
import { isTerminal } from '../model/states.ts'
import { type DeploymentRequest, deploymentRequestSchema, isTag } from '../model/step.ts'
import { hasTags, readTags } from '../model/tags.ts'
import type { Target } from '../model/target.ts'
import { expand } from '../scheduler/expand.ts'
import { isFull, untilThrough } from '../store/index.ts'
import type { Api, ApiDeps } from './context.ts'
import { listDeployments, listSchema } from './list.ts'
import { bodyOf, deploymentIdOf, jobRefOf, on, parsed } from './on.ts'

export const keySchema: z.ZodType<{ readonly 'Idempotency-Key'?: string | undefined }> = z.object({
  'Idempotency-Key': z.string().min(1).max(255).optional(),
})

/** The request was checked: an expression that cannot be read means nobody. */
const isTagged = (text: string, tags: readonly string[]): boolean => {
  const read = readTags(text, isTag)
  return read.ok && hasTags(read.expression, tags)
}

/** The targets that a request names or finds by its tag, each once. @throws TelpherError unknown_target */
const chosenTargets = async (request: DeploymentRequest, { store }: ApiDeps): Promise<Target[]> => {
  const all = new Map((await store.targets.list()).map((target) => [target.name, target]))
  const named = request.targets.map((name) => {
    const target = all.get(name)
    if (target === undefined) throw new TelpherError('unknown_target', `there is no target ${name}`, { field: 'targets' })
    return target
  })
  const { tag } = request
  const tagged = tag === undefined ? [] : [...all.values()].filter((target) => isTagged(tag, target.tags))
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

const mustHavePackages = async (request: DeploymentRequest, { store }: ApiDeps): Promise<void> => {
  for (const sha256 of new Set(request.steps.map((step) => step.package)))
    if (!(await store.packages.has(sha256))) throw new TelpherError('package_missing', `there is no package ${sha256}`, { field: 'steps' })
}

/** Stores a deployment and answers with it. */
const create = async (request: DeploymentRequest, deps: ApiDeps): Promise<string> => {
  await deps.store.memory.mustHaveRoom()
  const [targets] = await Promise.all([chosenTargets(request, deps), mustHavePackages(request, deps)])
  const { deployment, jobs } = expand(request, targets, (deps.now ?? Date.now)())
  // Safe to repeat, and a caller's repetition would be another deployment.
  await untilThrough(() => deps.store.deployments.create(deployment, jobs), { forMs: 20_000, unless: isFull })
  return JSON.stringify({ deployment, jobs })
}

/** Does the work once for each key: a repeated request gets the first one's answer. */
export const once = async (key: string | undefined, text: string, deps: ApiDeps, work: () => Promise<string>): Promise<string> => {
  if (key === undefined) return work()
  const begun = await deps.store.idempotency.begin(key, createHash('sha256').update(text).digest('hex'))
  if (begun.state === 'done') return begun.body
  const body = await work().catch(async (thrown: unknown) => {
    await deps.store.idempotency.forget(key).catch(() => {})
    throw thrown
  })
  // The deployment is on its way: an outage between it and its answer must not let a repetition start another one.
  await untilThrough(() => deps.store.idempotency.finish(key, 202, body), { forMs: 20_000 })
  return body
}

export const idOf = (body: string): string => (JSON.parse(body) as { deployment: { id: string } }).deployment.id

export const addDeploymentRoutes = (api: Api, deps: ApiDeps): void => {
  const { store } = deps
  on(api, 'deploy', async (context) => {
    const { 'Idempotency-Key': key } = parsed(keySchema, { 'Idempotency-Key': context.req.header('idempotency-key') })
    const { body: request, text } = await bodyOf(context, deploymentRequestSchema)
    const body = await once(key, text, deps, () => create(request, deps))
    return context.body(body, 202, { 'content-type': 'application/json', location: `/v1/deployments/${idOf(body)}` })
  })
  on(api, 'listDeployments', async (context) => context.json(await listDeployments(store, parsed(listSchema, context.req.query()))))
  on(api, 'getDeployment', async (context) => context.json(await store.deployments.get(deploymentIdOf(context))))
  on(api, 'cancel', async (context) => {
    const id = deploymentIdOf(context)
    const { jobs } = await store.deployments.get(id)
    for (const job of jobs) if (!isTerminal(job.status)) await store.jobs.apply(job, { type: 'cancel' })
    await store.wakes.send(id)
    return context.json(await store.deployments.get(id), 202)
  })
  on(api, 'ledger', async (context) => {
    const ref = jobRefOf(context)
    await store.jobs.get(ref)
    return context.json({ entries: await store.ledger(ref).read() })
  })
}

import { randomUUID } from 'node:crypto'
import type { Result } from '../../src/model/states.ts'
import type { StepInput } from '../../src/model/step.ts'
import type { Stack } from '../../src/sandbox/stack.ts'
import { packPath } from '../../src/steps/package/pack.ts'
import { clientOf } from './client.ts'

/** A step without its package, and the folder or chart that becomes it. */
export type LocalStep = StepInput extends infer One
  ? One extends StepInput
    ? Omit<One, 'package'> & { readonly path: string }
    : never
  : never

/**
 * One deployment of one step.
 * @param wanted the result that it must have
 * @returns milliseconds from the request to the event that it has finished
 * @throws Error when it ends otherwise or takes longer than 3 minutes
 */
export const run = async (
  stack: Stack,
  { path, ...step }: LocalStep,
  target: string,
  wanted: Result = 'success',
): Promise<{ readonly id: string; readonly ms: number }> => {
  const client = await clientOf(stack)
  const { bytes, sha256 } = await packPath(path)
  await client.uploadPackage(bytes, sha256)
  const begun = performance.now()
  const { deployment } = await client.deploy({ steps: [{ ...step, package: sha256 } as StepInput], targets: [target] }, randomUUID())
  for await (const event of client.events(deployment.id, { signal: AbortSignal.timeout(180_000) }))
    if (event.type === 'deployment' && event.state === 'finished') {
      if (event.result !== wanted) throw new Error(`${deployment.id} ended as ${event.result}, not ${wanted}`)
      return { id: deployment.id, ms: performance.now() - begun }
    }
  throw new Error(`the events of ${deployment.id} ended too early`)
}

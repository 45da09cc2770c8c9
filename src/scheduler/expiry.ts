import { type Phase, phaseLimit, spoken } from '../model/deadlines.ts'
import type { Deployment, Job } from '../model/deployment.ts'
import type { JobEnd } from '../model/states.ts'

const passed = (deadline: string, { waitsFor }: Job): JobEnd => ({
  status: 'timed_out',
  code: 'deadline_passed',
  sentence: `${deadline} passed before it began${waitsFor === undefined ? '' : `; it waited because ${waitsFor}`}`,
})

/**
 * The end of a job that has waited for longer than it may.
 * @param phase what it waits in
 * @param since ms since the epoch
 * @param now as `since`
 * @returns undefined while there is time
 */
export const expiredIn = (job: Job, phase: Phase, since: number, now: number): JobEnd | undefined => {
  const limit = phaseLimit(job.step, phase)
  return limit === undefined || now - since < limit * 1000 ? undefined : passed(`the ${phase} deadline of ${spoken(limit)}`, job)
}

/** The end of a job that waits although the time of its whole deployment is over; one that runs sees to that itself. */
export const expiredWithAll = (job: Job, { request, createdAt }: Deployment, now: number): JobEnd | undefined => {
  const { deadlineSeconds } = request
  if (deadlineSeconds === undefined || now - createdAt < deadlineSeconds * 1000) return undefined
  return passed(`the deadline of the deployment, ${spoken(deadlineSeconds)},`, job)
}

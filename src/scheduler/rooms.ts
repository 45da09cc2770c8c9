import type { Job } from '../model/deployment.ts'

export const targetRoom = ({ target }: Pick<Job, 'target'>): string => `target:${target}`
export const clusterRoom = ({ lock }: Pick<Job, 'lock'>): string => `cluster:${lock.clusterId}`
/** The room of all jobs that are on their way to a pool's workers, or with them. */
export const poolRoom = (pool: string): string => `pool:${pool}`

/** Every room that a job may be in, narrow ones first: all ask in this order, so that nobody waits in a ring. */
export const roomsOf = (job: Job): readonly string[] => [targetRoom(job), clusterRoom(job), poolRoom(job.pool)]

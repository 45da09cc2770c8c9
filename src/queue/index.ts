import { TelpherError } from '../model/errors.ts'
import type { ConsumeOptions, Consumer, Queue, QueueOptions } from './types.ts'

export type * from './types.ts'

/** Opens the producers' side of all pools' queues; connects when first used. */
export const openQueue = (_options: QueueOptions): Queue => {
  throw new TelpherError('internal', 'the queue is not there yet')
}

/** Takes items from the queue of one pool until closed; outlives outages of Redis. */
export const consume = (_options: ConsumeOptions): Consumer => {
  throw new TelpherError('internal', 'the queue is not there yet')
}

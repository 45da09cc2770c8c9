import type { ProgressEvent } from '../src/model/deployment.ts'
import type { ObjectProgress } from '../src/model/verdict.ts'

/** Progress is told up to five times a second, kept, and sent to everyone who watches: what each event says has a bound. */
const mostObjects = 100

/**
 * What is told of objects while a job goes on: all of them, or of many those that are not current yet, with the numbers.
 * @param objects everything that the job has written
 */
export const progressOf = (objects: readonly ObjectProgress[]): Pick<ProgressEvent, 'objects' | 'of'> => {
  if (objects.length <= mostObjects) return { objects: [...objects] }
  const open = objects.filter(({ assessment }) => assessment.status !== 'Current')
  return { objects: open.slice(0, mostObjects), of: { total: objects.length, ready: objects.length - open.length } }
}

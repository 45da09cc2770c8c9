import { numberAt, part, textAt } from './fields.ts'

type Fields = Readonly<Record<string, unknown>>

/** How a container last ended: its exit code, or that it ran out of memory. */
export const endOf = (container: Fields): string => {
  const now = part(part(container, 'state'), 'terminated')
  const ended = textAt(now, 'reason') === undefined ? part(part(container, 'lastState'), 'terminated') : now
  if (textAt(ended, 'reason') === 'OOMKilled') return 'it ran out of memory'
  const code = numberAt(ended, 'exitCode')
  return code === undefined ? 'it ended' : `its exit code was ${code}`
}

/** Whether a container runs and its startup or readiness probe has not succeeded. */
export const isUnready = (container: Fields, spec: Fields): boolean =>
  container['ready'] === false &&
  textAt(part(part(container, 'state'), 'running'), 'startedAt') !== undefined &&
  (spec['readinessProbe'] !== undefined || spec['startupProbe'] !== undefined)

import { moment } from '../moment.ts'

/** Flags by which records are chosen. */
export interface FilterFlags {
  readonly since?: string
  readonly until?: string
  readonly type?: readonly string[]
  readonly target?: string
  readonly deployment?: string
  readonly who?: string
  readonly verb?: string
  readonly resource?: string
  readonly namespace?: string
  readonly name?: string
  readonly code?: string
  readonly credential?: string
}

/** The filters of GET /v1/audit that flags say. @throws TelpherError usage for a time that cannot be read */
export const filtersOf = ({ since, until, type, ...flags }: FilterFlags, now: number): Record<string, string> => {
  const { target, deployment, who, verb, resource, namespace, name, code, credential } = flags
  return Object.fromEntries(
    Object.entries({
      since: since === undefined ? undefined : String(moment(since, '--since', now)),
      until: until === undefined ? undefined : String(moment(until, '--until', now)),
      type: type?.join(','),
      target,
      deployment,
      who,
      verb,
      resource,
      namespace,
      name,
      code,
      credential,
    }).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

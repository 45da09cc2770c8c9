import type { ClusterConnection } from '../model/ports.ts'
import type { KubeObject } from '../model/verdict.ts'
import { AnswerError, getJson, type Listed, list } from './read.ts'

/** What a collection holds: everything at a path, what a field selector takes of it, or one object by its name. */
export interface Source {
  readonly path: string
  readonly fields?: string
  readonly name?: string
}

/** The path to list and watch, ready for more parameters. */
export const listPath = ({ path, fields, name }: Source): string => {
  const selector = name === undefined ? fields : `metadata.name=${name}`
  return selector === undefined ? `${path}?` : `${path}?fieldSelector=${encodeURIComponent(selector)}&`
}

/** Reads a source once. `watchable` is false when it could only be read by its name. */
export interface Reading extends Listed {
  readonly watchable: boolean
}

const readOne = async (connection: ClusterConnection, path: string, signal: AbortSignal): Promise<Reading> => {
  const none = { objects: [], resourceVersion: '', date: undefined, watchable: false }
  try {
    const { body, date } = await getJson<KubeObject>(connection, path, signal)
    return { ...none, objects: [body], date }
  } catch (thrown) {
    if (thrown instanceof AnswerError && thrown.status === 404) return none
    throw thrown
  }
}

/**
 * Everything that a source holds now. Where listing is forbidden, one object is asked for by its name: a role may allow
 * `get` alone.
 * @throws AnswerError with status 403 when it may not be read at all
 */
export const readSource = async (connection: ClusterConnection, source: Source, signal: AbortSignal): Promise<Reading> => {
  try {
    return { ...(await list(connection, listPath(source).slice(0, -1), signal)), watchable: true }
  } catch (thrown) {
    if (source.name === undefined || !(thrown instanceof AnswerError) || thrown.status !== 403) throw thrown
    return readOne(connection, `${source.path}/${encodeURIComponent(source.name)}`, signal)
  }
}

import type { KubeObject } from '../../model/verdict.ts'
import { isList } from '../../steps/manifests/lists.ts'

/** One object of an input, or why there is none. */
export interface Entry {
  /** As the input gives it, or else kind, namespace and name, or else where it stands. */
  readonly id: string | number
  readonly object?: KubeObject
  /** What is wrong, in a sentence. */
  readonly problem?: string
}

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
const textIn = (fields: unknown, name: string): string | undefined => {
  const value = isFields(fields) ? fields[name] : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}

const nameOf = (object: Fields): string | undefined => {
  const name = textIn(object['metadata'], 'name')
  const namespace = textIn(object['metadata'], 'namespace')
  return name === undefined ? undefined : [object['kind'], namespace, name].filter((one) => one !== undefined).join('/')
}

const entryOf = (value: unknown, id: string | number | undefined, place: string): Entry => {
  if (!isFields(value)) return { id: id ?? place, problem: `${place}: an object is expected` }
  if (textIn(value, 'kind') === undefined) return { id: id ?? nameOf(value) ?? place, problem: `${place}: an object needs a kind` }
  return { id: id ?? nameOf(value) ?? place, object: value as unknown as KubeObject }
}

/** A typed list leaves out what its kind says of its items. */
const itemOf = (item: unknown, list: Fields): unknown => {
  const kind = textIn(list, 'kind')?.replace(/List$/, '')
  return isFields(item) && kind !== '' && item['kind'] === undefined ? { apiVersion: list['apiVersion'], kind, ...item } : item
}

const isId = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number'

/**
 * The objects in a value that was read: one, those of a List or an array, or one with its id beside it.
 * @param place where it stands, such as `file:3`
 */
export const entriesIn = (value: unknown, place: string): readonly Entry[] => {
  if (Array.isArray(value)) return value.flatMap((one, index) => entriesIn(one, `${place}#${index + 1}`))
  // Other fields may stand beside the two; an object of Kubernetes has an apiVersion there.
  const wraps =
    isFields(value) && value['apiVersion'] === undefined && ('object' in value || (value['kind'] === undefined && isId(value['id'])))
  const id = wraps && isId(value['id']) ? value['id'] : undefined
  const inner = wraps ? value['object'] : value
  if (!isFields(inner) || !isList(inner)) return [entryOf(inner, id, place)]
  return (inner.items ?? []).map((item, index) => {
    const number = `#${index + 1}`
    return entryOf(itemOf(item, inner), id === undefined ? undefined : `${id}${number}`, `${place}${number}`)
  })
}

import { listQuery, parseQuery } from './query.ts'

/**
 * What a request is, by the rules of kube-apiserver's own RequestInfoFactory (k8s.io/apiserver, pkg/endpoints/request,
 * requestinfo.go). The gate decides on it, so a disagreement with the API server would be a hole; what is ambiguous is refused.
 */
export interface RequestInfo {
  readonly isResource: boolean
  /** Kubernetes verb for resources, lower-case HTTP method for other paths. */
  readonly verb: string
  readonly path: string
  readonly prefix: string
  readonly group: string
  readonly version: string
  readonly namespace: string
  readonly resource: string
  readonly subresource: string
  readonly name: string
}

export type ParsedPath = { readonly ok: true; readonly info: RequestInfo } | { readonly ok: false; readonly reason: string }

const verbs: Readonly<Record<string, string>> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }
/** Deprecated path verbs, which stand where a namespace or resource would. */
const specialVerbs: readonly string[] = ['proxy', 'watch']
const namespaceSubresources: readonly string[] = ['status', 'finalize']
/** What must not be given twice: the API server reads the first value, something before it might read the last. */
const single: readonly string[] = ['watch', 'fieldSelector', 'labelSelector', 'limit', 'timeoutSeconds', 'dryRun']

const refuse = (reason: string): ParsedPath => ({ ok: false, reason })

const unclear = (segment: string): boolean => segment === '.' || segment === '..' || /[\u0000-\u001f\u007f/\\%]/.test(segment)

const segmentsOf = (path: string): string[] | undefined => {
  if (!/^\/[\x21-\x7e]*$/.test(path) || /[\\#]|\/\//.test(path)) return undefined
  try {
    const segments = path.split('/').slice(1).map(decodeURIComponent)
    if (segments.at(-1) === '') segments.pop()
    return segments.some(unclear) ? undefined : segments
  } catch {
    return undefined
  }
}

/**
 * @param method HTTP method
 * @param url path and query as the client sent them, without the server's base path
 */
export const parseRequest = (method: string, url: string): ParsedPath => {
  const mark = url.indexOf('?')
  const path = mark === -1 ? url : url.slice(0, mark)
  const segments = segmentsOf(path)
  if (segments === undefined) return refuse('the path is ambiguous')
  const query = parseQuery(mark === -1 ? '' : url.slice(mark + 1))
  if (query === undefined) return refuse('the query is ambiguous')
  const twice = single.find((key) => query.getAll(key).length > 1)
  if (twice !== undefined) return refuse(`the query parameter ${twice} is given twice`)
  const plain: RequestInfo = {
    isResource: false,
    verb: method.toLowerCase(),
    path,
    prefix: '',
    group: '',
    version: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
  }
  const prefix = segments[0] ?? ''
  if (segments.length < 3 || (prefix !== 'api' && prefix !== 'apis')) return { ok: true, info: plain }
  const grouped = prefix === 'apis'
  if (grouped && segments.length < 4) return { ok: true, info: { ...plain, prefix } }
  const at = { prefix, group: grouped ? (segments[1] ?? '') : '', version: segments[grouped ? 2 : 1] ?? '' }
  const verb = verbs[method]
  if (verb === undefined) return refuse(`the method ${method} is not one of Kubernetes`)
  return resourceInfo({ ...plain, ...at, isResource: true, verb }, segments.slice(grouped ? 3 : 2), query)
}

/** Where the path begins with a verb, that one counts, whatever the method is. */
const resourceInfo = (start: RequestInfo, parts: readonly string[], query: URLSearchParams): ParsedPath => {
  const [special = ''] = parts
  if (!specialVerbs.includes(special)) return named(start, parts, query)
  if (parts.length < 2) return refuse('a path verb without a resource')
  if (special === 'watch' && start.verb !== 'get') return refuse('a path that watches takes GET only')
  return named({ ...start, verb: special }, parts.slice(1), query)
}

const named = (start: RequestInfo, given: readonly string[], query: URLSearchParams): ParsedPath => {
  const inNamespace = given[0] === 'namespaces' && given.length > 1
  const namespace = inNamespace ? (given[1] ?? '') : ''
  // A namespace's own requests carry its name as their namespace.
  const parts = inNamespace && given.length > 2 && !namespaceSubresources.includes(given[2] ?? '') ? given.slice(2) : given
  const [resource = '', name = '', third = ''] = parts
  const info: RequestInfo = { ...start, namespace, resource, name, subresource: start.verb === 'proxy' ? '' : third }
  if (name !== '') return { ok: true, info }
  if (info.verb === 'delete') return { ok: true, info: { ...info, verb: 'deletecollection' } }
  if (info.verb !== 'get') return { ok: true, info }
  const list = listQuery(query)
  if (typeof list === 'string') return refuse(list)
  return { ok: true, info: { ...info, verb: list.watch ? 'watch' : 'list', name: list.name } }
}

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
const specialVerbs = ['proxy', 'watch'] as const
const namespaceSubresources = ['status', 'finalize']

const refuse = (reason: string): ParsedPath => ({ ok: false, reason })

/** Go reads these as true (strconv.ParseBool); the API server takes any other value of `watch`, too, unless it means false. */
const meansFalse = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False'])

/** conversion-gen's rule for *bool query parameters: the empty value is true, and so is what is not a false. */
const watches = (query: URLSearchParams): boolean => {
  const value = query.get('watch')
  return value !== null && !meansFalse.has(value)
}

/** A list that selects one object by name is authorised as for that name. */
const selectedName = (query: URLSearchParams): string => {
  const found = /^metadata\.name==?([a-z0-9A-Z.:_-]+)$/.exec(query.get('fieldSelector') ?? '')
  return found?.[1] ?? ''
}

const segmentsOf = (path: string): string[] | undefined => {
  if (/%2f|%5c|%00|%2e/i.test(path) || /[\\\u0000]/.test(path) || path.includes('//')) return undefined
  try {
    const segments = path.split('/').filter((segment) => segment !== '').map(decodeURIComponent)
    return segments.some((segment) => segment === '.' || segment === '..' || segment.includes('/')) ? undefined : segments
  } catch {
    return undefined
  }
}

/**
 * @param method HTTP method
 * @param url path and query as the client sent them, without the server's base path
 */
export const parseRequest = (method: string, url: string): ParsedPath => {
  const [path = '', search = ''] = url.split('?', 2)
  const segments = segmentsOf(path)
  if (segments === undefined || !path.startsWith('/')) return refuse('the path is ambiguous')
  const query = new URLSearchParams(search)
  if (query.getAll('watch').length > 1 || query.getAll('fieldSelector').length > 1 || query.getAll('dryRun').length > 1)
    return refuse('a query parameter is given twice')
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
  if (grouped && segments.length < 4) return { ok: true, info: plain }
  const rest = segments.slice(grouped ? 3 : 2)
  const at = { prefix, group: grouped ? (segments[1] ?? '') : '', version: segments[grouped ? 2 : 1] ?? '' }
  const special = (specialVerbs as readonly string[]).includes(rest[0] ?? '')
  if (special && rest.length < 2) return refuse('a path verb without a resource')
  const verb = verbs[method]
  if (verb === undefined) return refuse(`the method ${method} is not one of Kubernetes`)
  return { ok: true, info: resourceInfo({ ...plain, ...at, isResource: true, verb: special ? (rest[0] ?? '') : verb }, special ? rest.slice(1) : rest, query) }
}

const resourceInfo = (start: RequestInfo, given: readonly string[], query: URLSearchParams): RequestInfo => {
  let parts = given
  let namespace = ''
  if (parts[0] === 'namespaces') {
    if (parts.length > 1) {
      namespace = parts[1] ?? ''
      if (parts.length > 2 && !namespaceSubresources.includes(parts[2] ?? '')) parts = parts.slice(2)
    }
  }
  // A namespace's own requests carry its name as their namespace, as the API server has it.
  const named = { resource: parts[0] ?? '', name: parts[1] ?? '', subresource: start.verb === 'proxy' ? '' : (parts[2] ?? '') }
  let { verb } = start
  let { name } = named
  if (name === '' && verb === 'get') {
    verb = watches(query) ? 'watch' : 'list'
    name = selectedName(query)
  } else if (name === '' && verb === 'delete') verb = 'deletecollection'
  return { ...start, verb, namespace, ...named, name }
}

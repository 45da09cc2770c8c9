/** What the query of a list says that decides its verb and name. */
export interface ListQuery {
  readonly watch: boolean
  /** The one name that the field selector asks for, or ''. */
  readonly name: string
}

const visible = /^[\x21-\x7e]*$/
/** Go skips a pair with a semicolon or a broken escape, others read it (net/url ParseQuery): so none may be there. */
const ambiguous = /[;#]|%(?![0-9a-fA-F]{2})/

/**
 * The query as the API server reads it.
 * @param search what follows the first `?`
 * @returns undefined where two readers could read it in two ways
 */
export const parseQuery = (search: string): URLSearchParams | undefined => {
  if (!visible.test(search) || ambiguous.test(search)) return undefined
  try {
    decodeURIComponent(search)
  } catch {
    return undefined
  }
  // URLSearchParams would drop a leading question mark.
  return new URLSearchParams(`&${search}`)
}

/** k8s.io/apimachinery/pkg/runtime, Convert_Slice_string_To_bool: all but "0" and "false" is true, the empty value too. */
const meansTrue = (value: string | null): boolean => value !== null && value !== '0' && value.toLowerCase() !== 'false'

/** k8s.io/apimachinery/pkg/fields: terms are sorted, the operator is the first that is found; an escape is refused. */
const selectedName = (selector: string): string | undefined => {
  if (selector.includes('\\')) return undefined
  const names = new Set<string>()
  for (const term of selector.split(',')) {
    if (term === '') continue
    const found = /^([^=!]*)(!=|==?)([^=]*)$/.exec(term)
    if (found === null) return undefined
    if (found[1] === 'metadata.name' && found[2] !== '!=') names.add(found[3] ?? '')
  }
  if (names.size > 1) return undefined
  const [name = ''] = names
  // k8s.io/apimachinery/pkg/api/validation/path, IsValidPathSegmentName
  return name === '.' || name === '..' || /[/%]/.test(name) ? '' : name
}

const labelKey = '(?:[a-z0-9](?:[-a-z0-9.]{0,60}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,60}[A-Za-z0-9])?'
const labelValue = '(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,60}[A-Za-z0-9])?)?'
const plainLabels = new RegExp(`^${labelKey}(?:!?==?${labelValue})?(?:,${labelKey}(?:!?==?${labelValue})?)*$`)
const number = /^[0-9]{1,18}$/

/**
 * What a GET without a name in its path is: list or watch, and of which name. The API server forgets the field selector
 * when any other parameter of the list is malformed (requestinfo.go), so such requests, which it refuses later, are refused here.
 * @returns the reason for a refusal as text
 */
export const listQuery = (query: URLSearchParams): ListQuery | string => {
  for (const key of ['limit', 'timeoutSeconds']) {
    const value = query.get(key)
    if (value !== null && !number.test(value)) return `${key} is not a number`
  }
  const watch = query.get('watch')
  // Letters that fold to ASCII are "false" in one place of the API server and true in another.
  if (watch !== null && /[^\x00-\x7f]/.test(watch)) return 'watch is unclear'
  const name = selectedName(query.get('fieldSelector') ?? '')
  if (name === undefined) return 'the field selector is ambiguous'
  const labels = query.get('labelSelector') ?? ''
  if (name !== '' && labels !== '' && !plainLabels.test(labels)) return 'a label selector that is not plain stands beside a name'
  return { watch: meansTrue(watch), name }
}

/**
 * The same URL with the API server's strict check of fields, where the client asked for less: one that a kind does not have is then
 * refused instead of dropped (Kubernetes docs: API concepts, field validation). kubectl itself would read the whole OpenAPI
 * document to find out whether it may ask for that.
 * @param url path and query
 */
export const strictFields = (url: string): string => url.replace(/([?&]fieldValidation=)(?:Ignore|Warn)(?=&|$)/, '$1Strict')

/** A request by method and target, as a client would put it on the wire. */
export interface Asked {
  readonly m: string
  readonly u: string
}

const methods = ['GET', 'GET', 'GET', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'] as const
const prefixes = [
  '/api/v1',
  '/api/v1',
  '/api/v1',
  '/apis/apps/v1',
  '/apis/batch/v1',
  '/apis/rbac.authorization.k8s.io/v1',
  '/apis/apiextensions.k8s.io/v1',
  '/api',
  '/apis',
  '/apis/apps',
  '/openapi/v3',
  '/version',
  '/healthz/etcd',
  '',
  '/API/v1',
  '/apis/x/v1/y',
] as const
const words = [
  'pods',
  'namespaces',
  'secrets',
  'nodes',
  'deployments',
  'services',
  'serviceaccounts',
  'watch',
  'proxy',
  'status',
  'finalize',
  'exec',
  'log',
  'token',
  'scale',
  'dev',
  'prod',
  'a',
  'web-0',
  'a.b',
  'x:http',
  'A_b',
  'default',
] as const
const odd = [
  '',
  '.',
  '..',
  '%2f',
  'a%2Fb',
  '%2e%2e',
  '%00',
  'a%00',
  '%20',
  'a%3fb',
  '%25',
  '%252f',
  '%ff',
  '%c3%a9',
  'é',
  '%',
  '%zz',
  '\\',
  '%5c',
  ';',
  'a;b=c',
  '+',
  '#',
  'a#b',
  '*',
  '@',
  '%0a',
  '%7f',
  '%77atch',
  'namespaces%2fdev',
  'Watch',
] as const
const keys = [
  'watch',
  'watch',
  'fieldSelector',
  'fieldSelector',
  'labelSelector',
  'limit',
  'timeoutSeconds',
  'dryRun',
  'resourceVersion',
  'allowWatchBookmarks',
  '%77atch',
  'Watch',
  'command',
  'sendInitialEvents',
  'resourceVersionMatch',
  'continue',
  '',
] as const
const values = {
  watch: [
    '',
    '1',
    't',
    'true',
    'True',
    'TRUE',
    '0',
    'f',
    'F',
    'false',
    'False',
    'no',
    '%31',
    '%30',
    'yes',
    '+',
    ' false',
    '00',
    'fal%C5%BFe',
    'fALSe',
  ],
  fieldSelector: [
    'metadata.name=a',
    'metadata.name%3Da',
    'metadata.name==a',
    'metadata.name!=a',
    'metadata.name=',
    'metadata.name=..',
    'metadata.name=a%2Fb',
    'metadata.name%3Da%2Cmetadata.namespace%3Db',
    'metadata.namespace=b,metadata.name=a',
    'metadata.name=a,metadata.name=b',
    'metadata.name=a%5C%2Cb',
    'spec.nodeName=n',
    'metadata.name',
    '=a',
    'metadata.name=a=b',
    'metadata.name=a!=b',
    ' metadata.name=a',
    'metadata.name=a,,',
    'metadata.name=%25',
    'metadata.name+%3D+a',
    'metadata.name=b,a!=c',
    '',
  ],
  labelSelector: ['a=b', 'a', '!a', 'a%20in%20(b)', 'a=b,c!=d', 'a==b', '=', 'a=b=c', '%20', 'app.kubernetes.io/name=x', '-a=b', 'a=-'],
  limit: ['500', '0', '', 'x', '-1', '1e3', '9223372036854775808', '+5', '0x10'],
  timeoutSeconds: ['30', '', 'x'],
  any: ['', '1', 'All', 'x', 'a%3Bb', 'a;b', '%', '%zz', '%ff', 'a=b', 'true'],
} as const

/** Makes requests at random, plain ones and crooked ones; the same for the same generator. */
export const requestMaker = (random: () => number): (() => Asked) => {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const chance = (share: number): boolean => random() < share
  const segment = (crooked: boolean): string => (crooked && chance(0.25) ? pick(odd) : pick(words))
  const query = (): string => {
    const pairs = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
      const key = pick(keys)
      const known = key === '%77atch' || key === 'Watch' ? 'watch' : key
      const value = pick<string>(known in values ? values[known as keyof typeof values] : values.any)
      return chance(0.05) ? key : `${key}=${value}`
    })
    return `?${pairs.join(pick(['&', '&', '&', '&', ';', '?', '&&']))}`
  }
  /** What the words alone would seldom be: the paths that clients really ask for. */
  const common = (): string => {
    const namespaced = chance(0.6) ? `/namespaces/${pick(['dev', 'prod', 'default', 'kube-system'])}` : ''
    const resource = pick(['pods', 'secrets', 'configmaps', 'namespaces', 'deployments', 'nodes', 'roles'])
    const special = chance(0.1) ? pick(['/watch', '/proxy']) : ''
    const name = chance(0.6) ? `/${pick(['a', 'web-0', 'x.y', 'status', 'finalize'])}` : ''
    const sub = name !== '' && chance(0.4) ? `/${pick(['status', 'log', 'exec', 'scale', 'token', 'proxy', 'proxy/a/b', 'finalize'])}` : ''
    return `${pick(['/api/v1', '/apis/apps/v1', '/apis/rbac.authorization.k8s.io/v1'])}${special}${namespaced}/${resource}${name}${sub}`
  }
  const wild = (): string => `${pick(prefixes)}${Array.from({ length: Math.floor(random() * 6) }, () => `/${segment(true)}`).join('')}`
  return () => {
    const path = chance(0.5) ? common() : wild()
    const tail = chance(0.06) ? pick(['/', '//', '/.', '/..']) : ''
    const u = `${path === '' ? '/' : path}${tail}${chance(0.5) ? query() : chance(0.05) ? pick(['?', '??watch=1', '?&watch']) : ''}`
    return { m: pick(methods), u: u.replaceAll(' ', '%20') }
  }
}

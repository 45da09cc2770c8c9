import { attemptSecretType } from '../modes/attempt-secret.ts'
import { bootstrapRules, deployerRules, type PolicyRule } from './rules.ts'

/** An object as it is applied. */
export interface SetupObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels: Readonly<Record<string, string>> }
  readonly [field: string]: unknown
}

export interface SetupOptions {
  /** Name of the target: what is made is named after it. */
  readonly target: string
  /** Where our service accounts and the Secrets of attempts are. */
  readonly home: string
  /** Where the deployer may write. */
  readonly namespaces: readonly string[]
  /** Whether it may write to every namespace instead. */
  readonly clusterWide: boolean
}

/** The longest life of a token that the bootstrap identity may mint, in seconds: the hour that is asked for at most, and some. */
const longestTokenSeconds = 3900

/** The longest life of its own next token, in seconds: a week, of which an outage of ours may last six days. */
export const ownTokenSeconds: number = 7 * 86_400

/** The type of the Secrets that tokens of bootstrap identities are bound to. */
export const bootstrapSecretType = 'telpher.dev/bootstrap'

/** The Secret that a version of a bootstrap identity's token is bound to. Names of targets have no dots, so it is no other target's. */
export const ownSecretName = (bootstrap: string, version: number): string => `${bootstrap}.v${version}`

/** The names of what a target has in its cluster. */
export const namesOf = (target: string): { readonly bootstrap: string; readonly deployer: string; readonly policy: string } => ({
  bootstrap: `bootstrap-${target}`,
  deployer: `deployer-${target}`,
  policy: `telpher-${target}`,
})

/** The label by which everything of a target is found again. */
export const targetLabel = 'telpher.dev/target'

const labelsOf = (target: string): Readonly<Record<string, string>> => ({
  'app.kubernetes.io/managed-by': 'telpher',
  [targetLabel]: target,
})

const rbac = 'rbac.authorization.k8s.io'

/** Whom a binding is for. */
type Subject =
  | { readonly kind: 'ServiceAccount'; readonly name: string; readonly namespace: string }
  | { readonly kind: 'User'; readonly name: string; readonly apiGroup: typeof rbac }

/** What somebody may do, in one namespace or in all. */
const granted = (
  name: string,
  labels: Readonly<Record<string, string>>,
  subject: Subject,
  rules: readonly PolicyRule[],
  namespace: string | undefined,
): SetupObject[] => {
  const kind = namespace === undefined ? 'ClusterRole' : 'Role'
  const metadata = { name, labels, ...(namespace === undefined ? {} : { namespace }) }
  return [
    { apiVersion: `${rbac}/v1`, kind, metadata, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: rbac, kind, name },
      subjects: [subject],
    },
  ]
}

interface Guard {
  readonly resource: string
  readonly operations: readonly string[]
  readonly validations: readonly { readonly expression: string; readonly message: string }[]
}

/** A policy for one identity's requests on one resource, and its binding. */
const guarded = (
  name: string,
  labels: Readonly<Record<string, string>>,
  { home, username }: { readonly home: string; readonly username: string },
  { resource, operations, validations }: Guard,
): SetupObject[] => [
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name, labels },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': home } },
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations, resources: [resource] }],
      },
      matchConditions: [{ name: 'bootstrap', expression: `request.userInfo.username == '${username}'` }],
      validations,
    },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name, labels },
    spec: { policyName: name, validationActions: ['Deny'] },
  },
]

/**
 * Everything that a target of the mode token-request has in its cluster: two service accounts, what they may do, and the admission
 * policies without which the right to create Secrets would be the right to make a token that never expires
 * (Kubernetes docs: Secrets of type service-account-token). The policies come before the right that they bound.
 * @returns in the order in which they are applied
 */
export const setupObjects = ({ target, home, namespaces, clusterWide }: SetupOptions): readonly SetupObject[] => {
  const { bootstrap, deployer, policy } = namesOf(target)
  const labels = labelsOf(target)
  const who = { home, username: `system:serviceaccount:${home}:${bootstrap}` }
  const account = (name: string): SetupObject => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace: home, labels },
    automountServiceAccountToken: false,
  })
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: home, labels: { 'app.kubernetes.io/managed-by': 'telpher' } } },
    account(bootstrap),
    account(deployer),
    ...guarded(`${policy}-tokens`, labels, who, {
      resource: 'serviceaccounts/token',
      operations: ['CREATE'],
      validations: [
        {
          expression: "has(object.spec.boundObjectRef) && object.spec.boundObjectRef.kind == 'Secret'",
          message: 'telpher: tokens of attempts are bound to a Secret',
        },
        {
          expression: `request.name == '${bootstrap}' || object.spec.expirationSeconds <= ${longestTokenSeconds}`,
          message: `telpher: tokens of attempts live at most ${longestTokenSeconds / 60} minutes`,
        },
        {
          expression: `request.name != '${bootstrap}' || (object.spec.expirationSeconds <= ${ownTokenSeconds} && object.spec.boundObjectRef.name.matches('^${bootstrap}[.]v[0-9]+$'))`,
          message: `telpher: its own token lives at most ${ownTokenSeconds / 86_400} days and is bound to a Secret ${bootstrap}.v…`,
        },
      ],
    }),
    ...guarded(`${policy}-secrets`, labels, who, {
      resource: 'secrets',
      operations: ['CREATE', 'UPDATE', 'DELETE'],
      validations: [
        {
          expression: [
            `(object == null ? oldObject : object).type == '${attemptSecretType}'`,
            `((object == null ? oldObject : object).type == '${bootstrapSecretType}' && (object == null ? oldObject : object).metadata.name.matches('^${bootstrap}([.]v[0-9]+)?$'))`,
          ].join(' || '),
          message: `telpher: only Secrets of type ${attemptSecretType}, and its own of type ${bootstrapSecretType}`,
        },
        { expression: 'object == null || !has(object.data)', message: 'telpher: only empty Secrets' },
      ],
    }),
    ...granted(bootstrap, labels, { kind: 'ServiceAccount', name: bootstrap, namespace: home }, bootstrapRules(deployer, bootstrap), home),
    ...deployerObjects({ target, namespaces, clusterWide }, { kind: 'ServiceAccount', name: deployer, namespace: home }),
  ]
}

/** What a deployer may do, wherever it may. */
const deployerObjects = ({ target, namespaces, clusterWide }: Omit<SetupOptions, 'home'>, subject: Subject): readonly SetupObject[] => {
  const { deployer, policy } = namesOf(target)
  const places = clusterWide ? [undefined] : namespaces
  return places.flatMap((namespace) => granted(clusterWide ? policy : deployer, labelsOf(target), subject, deployerRules, namespace))
}

/**
 * Everything that a target of the mode federated has in its cluster: what the user may do that the API server takes its tokens for.
 * @param username of that user
 */
export const federatedObjects = (options: Omit<SetupOptions, 'home'>, username: string): readonly SetupObject[] =>
  deployerObjects(options, { kind: 'User', name: username, apiGroup: rbac })

/** The resource of each kind that is set up, for its path. */
const resources: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  ServiceAccount: 'serviceaccounts',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: 'validatingadmissionpolicybindings',
}

/** The path of an object at the API server. */
export const setupPath = ({ apiVersion, kind, metadata: { name, namespace } }: SetupObject): string => {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`
  return `${root}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${resources[kind] ?? kind.toLowerCase()}/${name}`
}

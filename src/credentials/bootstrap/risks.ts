import type { PolicyRule } from './rules.ts'

/** What an identity of ours must not be able to do, unless somebody says that it is meant. */
export const risks = ['wildcards', 'escalation', 'cluster-secrets'] as const
export type Risk = (typeof risks)[number]

export interface FoundRisk {
  readonly risk: Risk
  /** What was found, as a clause for people. */
  readonly what: string
}

const escalating = ['escalate', 'bind', 'impersonate']
/** The verbs that show what is in an object. */
export const reading: readonly string[] = ['get', 'list', 'watch']

/** Rules without a verb that does harm everywhere: `*` on what every identity may ask about itself is none. */
const nameOf = ({ verbs, resources, apiGroups }: PolicyRule): string =>
  `${verbs.join(', ')} on ${resources.map((resource) => `${resource}${apiGroups[0] === '' || apiGroups[0] === undefined ? '' : `.${apiGroups[0]}`}`).join(', ')}`

/**
 * What is dangerous in what an identity may do.
 * @param rules of a Role, a ClusterRole, or as the API server says them of an identity
 * @param everywhere whether they hold in every namespace
 */
export const risksOf = (rules: readonly PolicyRule[], everywhere: boolean): readonly FoundRisk[] =>
  rules.flatMap((rule): FoundRisk[] => {
    const { verbs, resources, apiGroups } = rule
    const found: FoundRisk[] = []
    if ([...verbs, ...resources, ...apiGroups].includes('*')) found.push({ risk: 'wildcards', what: nameOf(rule) })
    if (verbs.some((verb) => escalating.includes(verb))) found.push({ risk: 'escalation', what: nameOf(rule) })
    const readsSecrets = resources.includes('secrets') && apiGroups.includes('') && verbs.some((verb) => reading.includes(verb))
    if (everywhere && readsSecrets && rule.resourceNames === undefined)
      found.push({ risk: 'cluster-secrets', what: 'reading the Secrets of every namespace' })
    return found
  })

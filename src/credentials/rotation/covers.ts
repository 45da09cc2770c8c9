import type { PolicyRule } from '../bootstrap/rules.ts'

const has = (list: readonly string[], one: string): boolean => list.includes(one) || list.includes('*')

/** Whether rules of a resource may be of its subresources too, as RBAC says it: `*` and `*` + `/scale`. */
const hasResource = (list: readonly string[], one: string): boolean => {
  const [, sub] = one.split('/')
  return has(list, one) || (sub !== undefined && list.includes(`*/${sub}`))
}

const grants = (rule: PolicyRule, group: string, resource: string, verb: string, name: string | undefined): boolean =>
  has(rule.apiGroups, group) &&
  hasResource(rule.resources, resource) &&
  has(rule.verbs, verb) &&
  (rule.resourceNames === undefined || rule.resourceNames.length === 0 || (name !== undefined && rule.resourceNames.includes(name)))

/**
 * What some rules allow and others do not (k8s.io/component-helpers: auth/rbac/validation, Covers).
 * @returns the first such thing in words, such as `create pods`; undefined when `after` allows all that `before` does
 */
export const missingIn = (after: readonly PolicyRule[], before: readonly PolicyRule[]): string | undefined => {
  for (const { apiGroups, resources, verbs, resourceNames = [] } of before)
    for (const group of apiGroups)
      for (const resource of resources)
        for (const verb of verbs)
          for (const name of resourceNames.length === 0 ? [undefined] : resourceNames)
            if (!after.some((rule) => grants(rule, group, resource, verb, name)))
              return `${verb} ${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` ${name}`}`
  return undefined
}

import type { PlanFile, StepPlan } from '../model/plan.ts'
import type { ApplyStep } from '../model/step.ts'
import { stepEnvironment, workingDirectory } from './kubeconfig.ts'
import type { ManifestObject } from './manifests/documents.ts'
import { inOrder } from './manifests/order.ts'
import { selectObjects } from './manifests/select.ts'
import type { PackageFiles } from './package/unpack.ts'

/** Who owns the fields that Telpher applies (Kubernetes docs: server-side apply, managers). */
export const fieldManager = 'telpher'

const fileOf = (path: string, objects: readonly ManifestObject[]): PlanFile => ({
  path,
  mode: 0o600,
  content: objects.map(({ text, file, line }) => `# ${file}:${line}\n${text.trimEnd()}\n`).join('---\n'),
})

const kubectlApply = (path: string): string[] => [
  'kubectl',
  'apply',
  '--server-side',
  `--field-manager=${fieldManager}`,
  `--filename=${workingDirectory}/${path}`,
]

/** A CRD takes up to seconds until its kind is served; kubectl looks kinds up only once, so objects of it need a second one. */
const establishedMs = 60_000

/** Applies namespaces and CRDs, waits until the API server serves the new kinds, then applies the rest. */
const inTwoParts = (first: string, definitions: string, rest: string | undefined): string[] => {
  const wait = `kubectl wait --for=condition=Established --timeout=${establishedMs / 1000}s --filename=${workingDirectory}/${definitions}`
  const commands = [kubectlApply(first).join(' '), wait, ...(rest === undefined ? [] : [kubectlApply(rest).join(' ')])]
  return ['/bin/sh', '-ec', commands.join('\n')]
}

/**
 * What an `apply` step comes to: server-side apply by kubectl, in an order in which each object finds what it needs.
 * Fields of other managers are not forced: a conflict ends the step and names the manager.
 * @throws TelpherError empty_package, invalid_manifest
 */
export const planApply = (step: ApplyStep, namespace: string, files: PackageFiles): StepPlan => {
  const objects = inOrder(selectObjects(files, step.paths))
  const base = { env: stepEnvironment, namespace, judgeWhileRunning: false }
  const definitions = objects.filter(({ kind }) => kind === 'CustomResourceDefinition')
  if (definitions.length === 0) return { ...base, argv: kubectlApply('objects.yaml'), files: [fileOf('objects.yaml', objects)] }
  const first = objects.filter(({ kind }) => kind === 'Namespace' || kind === 'CustomResourceDefinition')
  const rest = objects.filter((object) => !first.includes(object))
  return {
    ...base,
    argv: inTwoParts('first.yaml', 'definitions.yaml', rest.length === 0 ? undefined : 'rest.yaml'),
    files: [
      fileOf('first.yaml', first),
      fileOf('definitions.yaml', definitions),
      ...(rest.length === 0 ? [] : [fileOf('rest.yaml', rest)]),
    ],
  }
}

import type { PlanFile, StepPlan } from '../model/plan.ts'
import type { ApplyStep } from '../model/step.ts'
import { kubeconfigName, stepEnvironment } from './kubeconfig.ts'
import type { ManifestObject } from './manifests/object.ts'
import { inOrder, isDefinition, isNamespace } from './manifests/order.ts'
import { selectObjects } from './manifests/select.ts'
import type { PackageFiles } from './package/unpack.ts'

/** Who owns the fields that Telpher applies (Kubernetes docs: server-side apply, managers). */
const fieldManager = 'telpher'

/** A part of a package that is applied together, in a folder of its own below the working directory. */
interface Part {
  readonly folder: string
  readonly objects: readonly ManifestObject[]
}

/**
 * One file an object, so that its text stays as it is: in folders that kubectl, which goes by path, visits in our order,
 * and under the author's own path, which he finds in what kubectl prints. kubectl takes only these endings.
 */
const filesOf = ({ folder, objects }: Part): PlanFile[] =>
  objects.map(({ file, text }, index) => ({
    path: `${folder}/${String(index).padStart(5, '0')}/${/\.(?:ya?ml|json)$/.test(file) ? file : `${file}.yaml`}`,
    mode: 0o600,
    content: text,
  }))

/** A kubeconfig that is named must exist: kubectl leaves one from the environment out silently, and asks localhost. */
const kubectl = (verb: string, flags: readonly string[], parts: readonly Part[]): string[] => [
  ...['kubectl', verb, `--kubeconfig=${kubeconfigName}`, ...flags, '--recursive'],
  ...parts.map(({ folder }) => `--filename=${folder}`),
]

/** Without kubectl's own validation, which reads the whole OpenAPI document each time: the gate has the API server check fields. */
const apply = (...parts: readonly Part[]): string[] =>
  kubectl('apply', ['--server-side', `--field-manager=${fieldManager}`, '--validate=false'], parts)

/** A CRD takes up to seconds until its kind is served. */
const establishedSeconds = 60

/** Nothing of the user is in these lines: no folder, flag or path of ours needs quoting. */
const script = (...commands: readonly (readonly string[])[]): string[] => [
  '/bin/sh',
  '-ec',
  commands.map((command) => command.join(' ')).join('\n'),
]

/**
 * What an `apply` step comes to: server-side apply by kubectl, in an order in which each object finds what it needs.
 * CRDs are established before anything of their kind is applied: kubectl looks kinds up once, so that needs a second one.
 * Fields of other managers are not forced: a conflict ends the step and names the manager.
 * @param namespace where objects go that name none
 * @throws TelpherError empty_package, invalid_manifest
 */
export const planApply = (step: ApplyStep, namespace: string, files: PackageFiles): StepPlan => {
  const objects = inOrder(selectObjects(files, step.paths, namespace))
  const all: Part = { folder: 'manifests', objects }
  const namespaces: Part = { folder: 'manifests/namespaces', objects: objects.filter(isNamespace) }
  const definitions: Part = { folder: 'manifests/definitions', objects: objects.filter(isDefinition) }
  const rest: Part = { folder: 'manifests/rest', objects: objects.filter((object) => !isNamespace(object) && !isDefinition(object)) }
  const base = { env: stepEnvironment, namespace, judgeWhileRunning: false }
  if (definitions.objects.length === 0) return { ...base, argv: apply(all), files: filesOf(all) }

  const parts = [namespaces, definitions, rest].filter((part) => part.objects.length > 0)
  const timeout = `--timeout=${Math.min(establishedSeconds, step.deadlineSeconds)}s`
  const established = kubectl('wait', ['--for=condition=Established', timeout], [definitions])
  const [first, last] = [parts.filter((part) => part !== rest), parts.filter((part) => part === rest)]
  return {
    ...base,
    argv: script(apply(...first), established, ...last.map((part) => apply(part))),
    files: parts.flatMap(filesOf),
  }
}

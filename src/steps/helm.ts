import { posix } from 'node:path'
import { parse } from 'yaml'
import { TelpherError } from '../model/errors.ts'
import { defaultHelm } from '../model/image.ts'
import type { PlanFile, StepPlan } from '../model/plan.ts'
import type { Secret } from '../model/secret.ts'
import type { HelmStep } from '../model/step.ts'
import { containerPlace, stepEnvironment } from './kubeconfig.ts'
import type { PackageFiles } from './package/unpack.ts'
import { readValues } from './values.ts'

/** Hooks that helm runs after the objects were written and that may expect ready pods (helm.sh: chart hooks). */
const postHook = /helm\.sh\/hook["']?\s*:\s*["']?[^\n"']*post-(?:install|upgrade)/

const chartFiles = (step: HelmStep, files: PackageFiles): { readonly inside: [string, Buffer][]; readonly archive: boolean } => {
  const chart = posix.normalize(step.chart).replace(/\/$/, '')
  const archive = files.get(chart)
  if (archive !== undefined && /\.(?:tgz|tar\.gz)$/.test(chart)) return { inside: [[chart, archive]], archive: true }
  const prefix = chart === '.' ? '' : `${chart}/`
  const inside = [...files]
    .filter(([path]) => path.startsWith(prefix))
    .map(([path, content]): [string, Buffer] => [path.slice(prefix.length), content])
  // Helm writes each template's name into a comment of the manifest, and what comes after a line break counts as YAML (seen with helm 4).
  const broken = inside.find(([path]) => path.includes('\n'))?.[0]
  if (broken !== undefined)
    throw new TelpherError('chart_invalid', `${JSON.stringify(broken)}: helm takes no line break in a file name: rename the file`, {
      field: 'chart',
    })
  const definition = inside.find(([path]) => path === 'Chart.yaml')?.[1]
  if (definition === undefined) throw new TelpherError('chart_invalid', `there is no Chart.yaml in ${step.chart}`, { field: 'chart' })
  const described = readChart(definition)
  if (typeof described?.name !== 'string' || typeof described.version !== 'string')
    throw new TelpherError('chart_invalid', 'Chart.yaml needs name and version', { field: 'chart' })
  const defaults = inside.find(([path]) => path === 'values.yaml')?.[1]
  if (defaults !== undefined) readValues(`${prefix}values.yaml`, defaults)
  return { inside, archive: false }
}

const readChart = (bytes: Buffer): { name?: unknown; version?: unknown } | null => {
  try {
    return parse(bytes.toString('utf8'), { maxAliasCount: 10 }) as { name?: unknown; version?: unknown } | null
  } catch (cause) {
    throw new TelpherError('chart_invalid', 'Chart.yaml is not YAML', { field: 'chart', cause })
  }
}

const valuesFiles = (step: HelmStep, files: PackageFiles): PlanFile[] =>
  step.values.map((path, index) => {
    const content = files.get(posix.normalize(path))
    if (content === undefined) throw new TelpherError('chart_invalid', `the values file ${path} is not in the package`, { field: 'values' })
    return { path: `values-${index}.yaml`, mode: 0o600, content: readValues(path, content) }
  })

/** One file a secret: helm's --set-file takes its text as it is, by the same paths as --set, and argv has the path alone. */
const secretFiles = (step: HelmStep, secrets: ReadonlyMap<string, Secret>): { readonly flags: string[]; readonly files: PlanFile[] } => {
  const paths = Object.keys(step.setSecret ?? {})
  return {
    flags: paths.map((path, index) => `--set-file=${path}=secrets/${index}`),
    files: paths.map((path, index) => ({ path: `secrets/${index}`, mode: 0o600, content: secrets.get(path)?.reveal() ?? '' })),
  }
}

/** A packed chart cannot be looked into without unpacking it: it is taken to have post hooks, which only costs helm's own wait. */
const hasPostHooks = ({ inside, archive }: ReturnType<typeof chartFiles>): boolean =>
  archive || inside.some(([path, content]) => path.includes('templates/') && postHook.test(content.toString('utf8')))

/**
 * What only one major version of helm has (helm.sh/docs/helm/helm_upgrade of each). Helm 3 waits for hooks anyway, has no
 * watcher but a poll of all resources, and knows no colours.
 */
const ofMajor = (step: HelmStep, post: boolean): string[] =>
  (step.helmVersion ?? defaultHelm) === 3 ? (post ? ['--wait'] : []) : [`--wait=${post ? 'watcher' : 'hookOnly'}`, '--color=never']

/**
 * What a `helm` step comes to: upgrade --install of helm 4, or 3 where the step says so. Helm waits for its hooks only and the worker judges; where
 * post hooks expect ready pods, helm's own wait runs beside the worker's verdict.
 * @param labels kept with the revision: whose it is
 * @param secrets the values of `setSecret` by their paths; empty where the plan is only tried
 * @throws TelpherError chart_invalid
 */
export const planHelm = (
  step: HelmStep,
  namespace: string,
  files: PackageFiles,
  labels: Readonly<Record<string, string>>,
  secrets: ReadonlyMap<string, Secret> = new Map(),
): StepPlan => {
  const secret = secretFiles(step, secrets)
  const chart = chartFiles(step, files)
  const values = valuesFiles(step, files)
  const post = hasPostHooks(chart)
  const chartPath = chart.archive ? 'chart.tgz' : 'chart'
  return {
    argv: [
      ...['helm', 'upgrade', step.release, `./${chartPath}`, '--install', `--namespace=${namespace}`],
      ...[
        `--history-max=${step.historyMax}`,
        `--timeout=${step.deadlineSeconds}s`,
        `--labels=${Object.entries(labels)
          .map((label) => label.join('='))
          .join(',')}`,
        ...ofMajor(step, post),
      ],
      ...(step.createNamespace ? ['--create-namespace'] : []),
      ...values.map(({ path }) => `--values=${path}`),
      ...Object.entries(step.set).map(([name, value]) => `--set=${name}=${value}`),
      ...secret.flags,
    ],
    env: {
      ...stepEnvironment,
      HELM_CACHE_HOME: `${containerPlace.folder}/.helm/cache`,
      HELM_CONFIG_HOME: `${containerPlace.folder}/.helm/config`,
      HELM_DATA_HOME: `${containerPlace.folder}/.helm/data`,
      HELM_NAMESPACE: namespace,
    },
    files: [
      ...values,
      ...secret.files,
      ...chart.inside.map(
        ([path, content]): PlanFile => ({ path: chart.archive ? chartPath : `${chartPath}/${path}`, mode: 0o600, content }),
      ),
    ],
    namespace,
    judgeWhileRunning: post,
  }
}

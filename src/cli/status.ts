import type { Command } from 'commander'
import type { Detail } from './client.ts'
import { clientOf, flagsOf } from './context.ts'
import { endText } from './deploy.ts'
import { age, print, table } from './output.ts'

const detailText = (detail: Detail): string => {
  if (detail.deployment.state === 'finished') return endText(detail)
  const rows = detail.jobs.map((job) => [
    job.step.name,
    job.target,
    job.status,
    String(job.attempt),
    job.end?.sentence ?? job.waitsFor ?? '',
  ])
  return `${detail.deployment.id}  ${detail.deployment.state}\n${table(['STEP', 'TARGET', 'STATUS', 'ATTEMPT', 'SAYS'], rows)}`
}

/** `telpher status [DEPLOYMENT]`: one deployment, or the last ones. @returns the exit code */
export const runStatus = async (id: string | undefined, flags: { readonly limit: string }, command: Command): Promise<number> => {
  const client = clientOf(command)
  const { output } = flagsOf(command)
  if (id !== undefined) {
    const detail = await client.deployment(id)
    print(output, detail, () => detailText(detail))
    return 0
  }
  const { deployments } = await client.deployments(Number(flags.limit))
  const now = Date.now()
  print(output, deployments, () =>
    deployments.length === 0
      ? 'No deployments yet. Start one with: telpher deploy PATH --target NAME\n'
      : table(
          ['DEPLOYMENT', 'STEPS', 'TARGETS', 'STATE', 'RESULT', 'AGE'],
          deployments.map((one) => [
            one.id,
            one.request.steps.map((step) => step.name).join(','),
            one.targets.join(','),
            one.state,
            one.result ?? '',
            age(one.createdAt, now),
          ]),
        ),
  )
  return 0
}

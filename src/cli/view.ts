import type { Client, Detail } from '../client/http.ts'
import { attemptsOf } from './attempts.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print } from './output.ts'
import { notesIn, type PackageView, type View, viewText } from './view-text.ts'

const packagesOf = async ({ deployment }: Detail, client: Client): Promise<PackageView[]> => {
  const bySum = Map.groupBy(deployment.request.steps, (step) => step.package)
  return Promise.all(
    [...bySum].map(async ([sha256, steps]) => ({
      sha256,
      steps: steps.map(({ name }) => name),
      stored: await client.hasPackage(sha256),
    })),
  )
}

const logsOf = ({ jobs }: Detail, url: string): View['logs'] =>
  Object.fromEntries(
    jobs.map(({ jobId, deploymentId, carried }) => {
      const ref = carried ?? { deploymentId, jobId }
      return [jobId, `${url}/v1/deployments/${ref.deploymentId}/jobs/${ref.jobId}/log`]
    }),
  )

/** `telpher view DEPLOYMENT`: one deployment in full. */
export const runView: Command<object> = async (cli, [id = '']) => {
  const client = await cli.client()
  const detail = await client.deployment(id)
  const [events, packages] = await Promise.all([client.history(id), packagesOf(detail, client)])
  const view: View = { ...detail, packages, attempts: attemptsOf(events), notes: notesIn(events), logs: logsOf(detail, client.url) }
  await print(cli, view, () => viewText(view, cli.paint))
  return exitCodes.ok
}

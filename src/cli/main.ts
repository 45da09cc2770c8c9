#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { errorNumber, toTelpherError } from '../model/errors.ts'
import { version } from '../version.ts'
import { exitCodes, exitOfError } from './exit.ts'

/** Every command loads its own code only when it is asked for: `telpher version` must be quick. */
const build = (end: (code: number) => void): Command => {
  const program = new Command('telpher')
    .description('Runs Kubernetes deployments from outside the cluster')
    .version(version, '-V, --version')
    .option('--server <url>', 'address of the server (TELPHER_SERVER)')
    .option('--token-file <file>', 'file with its bearer token (TELPHER_TOKEN_FILE)')
    .option('-o, --output <format>', 'table, json, jsonl or yaml', 'table')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
  const list = (value: string, before: string[] = []): string[] => [...before, value]

  program
    .command('deploy <path>')
    .description('deploy a file, a folder, a glob of manifests, or a Helm chart')
    .option('-t, --target <name>', 'target to deploy to; may be repeated', list)
    .option('--tag <tag>', 'all targets with this tag')
    .option('--helm <release>', 'the path is a chart: install or upgrade this release')
    .option('-f, --values <file>', 'values file of the chart; may be repeated', list)
    .option('--set <name=value>', 'value of the chart; may be repeated', list)
    .option('-n, --namespace <name>', "namespace; the target's own when absent")
    .option('--create-namespace', 'create the namespace of the release')
    .option('--name <name>', 'name of the step')
    .option('--deadline <duration>', 'whole time of a job, such as 10m')
    .option('--no-wait', 'start it and return')
    .option('--timeout <duration>', 'wait at most so long; the deployment goes on')
    .option('--idempotency-key <key>', 'the same key starts the same deployment only once')
    .action(async (path, flags, command) => end(await (await import('./deploy.ts')).runDeploy(path, flags, command)))
  program
    .command('status [deployment]')
    .description('one deployment, or the last ones')
    .option('--limit <n>', 'how many', '20')
    .action(async (id, flags, command) => end(await (await import('./status.ts')).runStatus(id, flags, command)))
  program
    .command('logs <deployment>')
    .description('the output of its jobs')
    .option('-f, --follow', 'until they end')
    .option('--job <job>', 'only of this job, step or target')
    .action(async (id, flags, command) => end(await (await import('./logs.ts')).runLogs(id, flags, command)))
  program
    .command('cancel <deployment>')
    .description('end a deployment')
    .action(async (id, _flags, command) => end(await (await import('./cancel.ts')).runCancel(id, command)))

  const target = program.command('target').alias('targets').description('clusters that are deployed to')
  target
    .command('add <name>')
    .description('add a target from a context of a kubeconfig')
    .requiredOption('--from-kubeconfig <context>', 'context to take')
    .option('--file <file>', 'kubeconfig; KUBECONFIG or ~/.kube/config when absent')
    .option('-n, --namespace <name>', 'namespace that it may write to; may be repeated', list)
    .option('--tag <tag>', 'tag; may be repeated', list)
    .option('--pool <name>', 'pool whose workers reach it')
    .option('--grant <grant>', 'exception to what the gate denies; may be repeated', list)
    .option('--settle <seconds>', 'time that workloads without a readiness probe must stay up')
    .action(async (name, flags, command) => end(await (await import('./target.ts')).runTargetAdd(name, flags, command)))
  target
    .command('list')
    .alias('ls')
    .description('all targets')
    .action(async (_flags, command) => end(await (await import('./target.ts')).runTargetList(command)))
  target
    .command('view <name>')
    .description('one target')
    .action(async (name, _flags, command) => end(await (await import('./target.ts')).runTargetView(name, command)))
  target
    .command('check <name>')
    .description('can its deployments run? tried by a worker of its pool')
    .action(async (name, _flags, command) => end(await (await import('./target.ts')).runTargetCheck(name, command)))
  target
    .command('remove <name>')
    .alias('rm')
    .description('remove a target and its account')
    .action(async (name, _flags, command) => end(await (await import('./target.ts')).runTargetRemove(name, command)))

  const worker = program.command('worker').alias('workers').description('processes that run deployments')
  worker
    .command('start')
    .description('run a worker, configured by TELPHER_ variables')
    .action(async () => (await import('../../workers/main.ts')).main(process.env))
  worker
    .command('list')
    .alias('ls')
    .description('all workers')
    .action(async (_flags, command) => end(await (await import('./workers.ts')).runWorkerList(command)))
  program
    .command('server')
    .description('the HTTP API with scheduler and watchdog')
    .command('start')
    .description('run a server, configured by TELPHER_ variables')
    .action(async () => (await import('../server/main.ts')).main(process.env))
  program
    .command('dev')
    .description('a sandbox with real Redis, Docker and Kubernetes, until Ctrl-C')
    .action(async () => end(await (await import('./dev.ts')).runDev()))
  program
    .command('demo')
    .description('the sandbox, three deployments, and everything torn down')
    .action(async () => end(await (await import('./demo.ts')).runDemo()))
  program
    .command('version')
    .description('the version of this program')
    .action(() => {
      process.stdout.write(`${version}\n`)
      end(exitCodes.ok)
    })
  return program
}

/** Usage errors are printed by commander itself; everything else here, with its code and the next step. */
const report = (thrown: unknown): number => {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  const error = toTelpherError(thrown)
  process.stderr.write(`telpher: ${error.message}\n  ${error.hint}\n  ${errorNumber(error.code)} ${error.code}\n`)
  if (error.code === 'internal' && error.cause instanceof Error) process.stderr.write(`${error.cause.stack ?? ''}\n`)
  return exitOfError(error.code)
}

let code: number | undefined
try {
  await build((ended) => {
    code = ended
  }).parseAsync(process.argv)
} catch (thrown) {
  code = report(thrown)
}
// Server and worker have no exit code here: they end by their signals.
if (code !== undefined) process.exitCode = code

import { resolve } from 'node:path'
import type { Command } from './context.ts'
import { type SandboxFlags, startSandbox } from './sandboxed.ts'

/**
 * `telpher dev`: the sandbox, a server and a worker until Ctrl-C.
 * @returns the exit code
 */
export const runDev: Command<SandboxFlags> = async (_cli, _args, flags) => {
  const stack = await startSandbox(resolve('.telpher/dev'), Number(process.env['TELPHER_PORT'] ?? 7373), flags)
  process.stdout.write(`
Telpher runs at ${stack.server.url}, with the target "local" (a real Kubernetes on this machine). In another terminal, from this folder:

  ./telpher deploy examples/web --target local
  ./telpher deploy examples/web-chart --helm web-chart --target local --namespace shop
  ./telpher deploy examples/broken --target local
  ./telpher status
  ./telpher pool explain default
  kubectl --kubeconfig ${stack.cluster.kubeconfig} get pods -A

Ctrl-C ends it.
`)
  await new Promise<void>((done) => {
    process.once('SIGINT', () => done())
    process.once('SIGTERM', () => done())
  })
  process.stderr.write('\nending the sandbox …\n')
  await stack.stop()
  return 0
}

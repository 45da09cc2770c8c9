// Deploys a folder and follows it: node examples/deploy.ts FOLDER TARGET
// The server is the one of TELPHER_SERVER and TELPHER_TOKEN_FILE, or the one that `npm run dev` has started in this folder.
import { connect, TelpherError } from 'telpher'

const [path = '.', target = 'local'] = process.argv.slice(2)

try {
  const telpher = await connect()
  const run = await telpher.deploy({ path, targets: [target] })
  console.log(`started ${run.id}`)

  for await (const event of run) {
    if (event.type === 'job') console.log(`${event.step} → ${event.target}: ${event.to}`)
    if (event.type === 'waiting') console.log(`waits: ${event.reason}`)
  }

  const { result, jobs } = await run.result()
  for (const job of jobs) console.log(`${job.target}: ${job.end?.sentence}`)
  process.exitCode = result === 'success' ? 0 : 1
} catch (error) {
  if (!(error instanceof TelpherError)) throw error
  console.error(`${error.code}: ${error.message}\n${error.hint}`)
  process.exitCode = 1
}

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type Docker from 'dockerode'
import { pack } from 'tar-stream'
import { connectDocker } from './dockerEngine.ts'
import { checkout } from './paths.ts'
import { run } from './run.ts'
import { binaryPath } from './setup/binaries.ts'
import { binaryKey } from './setup/versions.ts'

/** The execution image of the sandbox: kubectl 1.34 and helm 4. */
export const execImage = 'telpher/exec:k1.34-h4'

const label = 'telpher.inputs'
const busybox = '/bin/busybox'
const certificates = '/etc/ssl/certs/ca-certificates.crt'
const dockerfile = `${checkout}containers/exec/Dockerfile`

const hashInputs = async (): Promise<string> => {
  const hash = createHash('sha256').update(`${binaryKey('kubectl')} ${binaryKey('helm')}`)
  for (const file of [dockerfile, busybox, certificates]) hash.update(await readFile(file))
  return hash.digest('hex').slice(0, 16)
}

/** The build context that containers/exec/Dockerfile expects. */
const buildContext = async (): Promise<NodeJS.ReadableStream> => {
  const commands = (await run(busybox, ['--list'])).split('\n').filter((name) => name !== 'busybox')
  const tar = pack()
  const file = async (name: string, from: string, mode: number): Promise<void> => {
    const { size } = await stat(from)
    await pipeline(createReadStream(from), tar.entry({ name, mode, size }))
  }
  const write = async (): Promise<void> => {
    await file('Dockerfile', dockerfile, 0o644)
    await file('bin/busybox', busybox, 0o755)
    for (const name of commands) tar.entry({ name: `bin/${name}`, type: 'symlink', linkname: 'busybox' })
    await file('tools/kubectl', binaryPath('kubectl'), 0o755)
    await file('tools/helm', binaryPath('helm'), 0o755)
    await file('etc/ssl/certs/ca-certificates.crt', certificates, 0o644)
    tar.entry({ name: 'etc/passwd', mode: 0o644 }, 'root:x:0:0::/:/bin/sh\njob:x:65532:65532::/work:/bin/sh\n')
    tar.entry({ name: 'etc/group', mode: 0o644 }, 'root:x:0:\njob:x:65532:\n')
    tar.entry({ name: 'work/', type: 'directory', mode: 0o700 })
    tar.entry({ name: 'tmp/', type: 'directory', mode: 0o1777 })
    tar.finalize()
  }
  write().catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))))
  return tar as unknown as NodeJS.ReadableStream
}

/** Reads a build to its end. @throws Error with the engine's message: the engine answers 200 and says only in the stream that it failed */
const followBuild = async (answer: NodeJS.ReadableStream): Promise<void> => {
  let text = ''
  for await (const part of answer) text += String(part)
  for (const line of text.split('\n').filter(Boolean)) {
    const { error } = JSON.parse(line) as { error?: string }
    if (error !== undefined) throw new Error(`the execution image cannot be built: ${error}`)
  }
}

/** A new image takes the name of the one before it, which would stay as 130 MB that nobody finds. */
const removeNameless = async (docker: Docker): Promise<void> => {
  const nameless = await docker.listImages({ filters: { dangling: ['true'], label: [label] } })
  // One that a container still runs on is met again after the next build.
  for (const { Id } of nameless)
    await docker
      .getImage(Id)
      .remove()
      .catch(() => undefined)
}

/**
 * Makes sure that the engine has the execution image of this checkout, built from containers/exec; some 5 s when it has not.
 * @throws Error when a tool that goes into it is missing (the set-up has not run) or the build fails
 */
export const ensureExecImage = async (socketPath: string): Promise<void> => {
  const docker = connectDocker(socketPath)
  const inputs = await hashInputs()
  const has = await docker.listImages({ filters: { reference: [execImage], label: [`${label}=${inputs}`] } })
  if (has.length > 0) return
  await followBuild(
    await docker.buildImage(await buildContext(), { t: execImage, labels: { [label]: inputs }, networkmode: 'none', forcerm: true }),
  )
  await removeNameless(docker)
}

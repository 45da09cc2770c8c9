import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Docker } from '../../../src/sandbox/docker.ts'
import { connectDocker, engineAnswers } from '../../../src/sandbox/dockerEngine.ts'
import { ensureExecImage, execImage } from '../../../src/sandbox/execImage.ts'
import { eventually } from '../../support/eventually.ts'
import { ownDocker } from '../../support/sandbox.ts'

let engine: Docker
beforeAll(async () => {
  engine = await ownDocker()
})
afterAll(() => engine.stop())

const inContainer = async (script: string): Promise<{ code: number; output: string }> => {
  const docker = connectDocker(engine.socketPath)
  const container = await docker.createContainer({
    Image: execImage,
    Cmd: ['sh', '-c', script],
    Tty: true,
    NetworkDisabled: true,
    HostConfig: { NetworkMode: 'none', ReadonlyRootfs: true, CapDrop: ['ALL'] },
  })
  try {
    await container.start()
    const { StatusCode } = (await container.wait()) as { StatusCode: number }
    const output = await container.logs({ stdout: true, stderr: true })
    return { code: StatusCode, output: output.toString().replaceAll('\r', '') }
  } finally {
    await container.remove({ force: true })
  }
}

test('the execution image has kubectl 1.34, helm 4 and a shell, and runs as nobody', async () => {
  const { code, output } = await inContainer('id -u; pwd; echo $HOME; kubectl version --client; helm version --short; ls /etc/ssl/certs')
  expect(output.split('\n').slice(0, 3)).toEqual(['65532', '/work', '/work'])
  expect(output).toMatch(/Client Version: v1\.34\.\d+/)
  expect(output).toMatch(/^v4\.\d+\.\d+/m)
  expect(output).toContain('ca-certificates.crt')
  expect(code).toBe(0)
})

test('nothing in the image is setuid', async () => {
  const { output } = await inContainer('find / -xdev -perm /6000 -type f')
  expect(output.trim()).toBe('')
})

test('an image with the same inputs is not built again', async () => {
  const idOf = async (): Promise<string> => (await connectDocker(engine.socketPath).getImage(execImage).inspect()).Id
  const before = await idOf()
  await ensureExecImage(engine.socketPath)
  expect(await idOf()).toBe(before)
})

test('the engine can be killed and comes back with its images', async () => {
  await engine.kill('SIGKILL')
  await eventually(async () => !(await engineAnswers(engine.socketPath)))
  await engine.restart()
  expect((await inContainer('echo again')).output.trim()).toBe('again')
})

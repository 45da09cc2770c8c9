import { existsSync } from 'node:fs'
import { TelpherError } from '../../model/errors.ts'
import { type ExecImage, imageLabels, imageTag } from '../../model/image.ts'
import type { Architecture } from '../paths.ts'
import { run } from '../run.ts'
import { programPath } from '../setup/binaries.ts'
import type { Program } from '../setup/versions.ts'
import type { ImageEntry, ImageRecipe } from './archive.ts'
import { ownBusybox } from './busybox.ts'

const certificates = '/etc/ssl/certs/ca-certificates.crt'

/** The user that steps run as; src/steps/files.ts and src/executors/dockerSpec.ts know it too. */
const user = 65_532

/** The programs that go into an image. */
export const programsOf = ({ kubectl, helm }: ExecImage, arch: Architecture): readonly Program[] => [
  { name: 'kubectl', version: kubectl, arch },
  { name: 'helm', version: helm, arch },
]

const base = async (busybox: string): Promise<ImageEntry[]> => {
  if (!existsSync(certificates))
    throw new TelpherError('usage', 'There are no CA certificates here: apt-get install -y ca-certificates', { field: certificates })
  // This machine's busybox names its commands; one for another architecture cannot be asked.
  const commands = (await run(existsSync(ownBusybox) ? ownBusybox : busybox, ['--list'])).split('\n').filter((name) => name !== 'busybox')
  return [
    { kind: 'file', name: 'bin/busybox', mode: 0o755, from: busybox },
    ...commands.map((name): ImageEntry => ({ kind: 'link', name: `bin/${name}`, to: 'busybox' })),
    { kind: 'file', name: 'etc/ssl/certs/ca-certificates.crt', mode: 0o644, from: certificates },
    { kind: 'text', name: 'etc/passwd', mode: 0o644, text: `root:x:0:0::/:/bin/sh\njob:x:${user}:${user}::/work:/bin/sh\n` },
    { kind: 'text', name: 'etc/group', mode: 0o644, text: `root:x:0:\njob:x:${user}:\n` },
    { kind: 'folder', name: 'work/', mode: 0o700, owner: user },
    { kind: 'folder', name: 'tmp/', mode: 0o1777, owner: 0 },
  ]
}

/**
 * What is in an execution image: tools only, no package manager, nothing that needs root or the network. A static busybox with a
 * link for each of its commands, the CA bundle and two accounts; kubectl; helm. Each program is a layer of its own, so that
 * images that have it in common share it in an engine and in an archive.
 * @param busybox path of a static busybox for the architecture
 * @param labels more labels than those that say what is in it
 */
export const imageRecipe = async (
  image: ExecImage,
  arch: Architecture,
  busybox: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<ImageRecipe> => ({
  tag: imageTag(image),
  arch,
  config: { Env: ['PATH=/usr/local/bin:/bin', 'HOME=/work'], Cmd: ['/bin/sh'], User: `${user}:${user}`, WorkingDir: '/work' },
  labels: {
    [imageLabels.name]: image.name,
    [imageLabels.kubectl]: image.kubectl,
    [imageLabels.helm]: image.helm,
    ...labels,
  },
  layers: [
    await base(busybox),
    ...programsOf(image, arch).map((program): ImageEntry[] => [
      { kind: 'file', name: `usr/local/bin/${program.name}`, mode: 0o755, from: programPath(program) },
    ]),
  ],
})

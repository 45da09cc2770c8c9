import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { pack } from 'tar-stream'
import { architecture, cacheDir } from '../paths.ts'
import { run } from '../run.ts'

const busybox = '/bin/busybox'

/** The container that holds a pod's namespaces. */
export const pauseImage = 'example.test/pause:1'

interface Image {
  readonly name: string
  /** Run by the shell as PID 1, so it must end on TERM by itself. */
  readonly script?: string
  readonly files?: Readonly<Record<string, string>>
}

const web = (version: string): Image => ({
  name: `example.test/web:${version}`,
  script: 'trap \'kill $!; exit 0\' TERM INT; test -n "$PORT" || PORT=8080; echo listening on $PORT; httpd -f -p $PORT -h /www & wait',
  files: { 'www/index.html': `hello from web:${version}\n`, 'www/ready': 'ok\n' },
})

/**
 * What pods of the sandbox can run; there is no registry, so nothing else.
 * example.test/web:1 and :2 serve / and /ready on PORT (8080); example.test/busybox:1 runs any command.
 */
const images: readonly Image[] = [
  { name: pauseImage, script: "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait; done" },
  { name: 'example.test/busybox:1' },
  web('1'),
  web('2'),
]

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

const tarOf = async (write: (tar: ReturnType<typeof pack>) => void): Promise<Buffer> => {
  const tar = pack()
  write(tar)
  tar.finalize()
  return buffer(tar as unknown as NodeJS.ReadableStream)
}

const baseLayer = async (): Promise<Buffer> => {
  const commands = (await run(busybox, ['--list'])).split('\n').filter((name) => name !== 'busybox')
  const program = await readFile(busybox)
  return tarOf((tar) => {
    tar.entry({ name: 'bin/busybox', mode: 0o755 }, program)
    for (const name of commands) tar.entry({ name: `bin/${name}`, type: 'symlink', linkname: 'busybox' })
    tar.entry({ name: 'etc/passwd', mode: 0o644 }, 'root:x:0:0::/:/bin/sh\napp:x:65532:65532::/tmp:/bin/sh\n')
    tar.entry({ name: 'tmp/', type: 'directory', mode: 0o1777 })
  })
}

const configOf = (image: Image, layers: readonly Buffer[]): Buffer =>
  Buffer.from(
    JSON.stringify({
      architecture: architecture(),
      os: 'linux',
      config: {
        Env: ['PATH=/bin'],
        User: '65532:65532',
        WorkingDir: '/',
        ...(image.script === undefined ? { Cmd: ['/bin/sh'] } : { Entrypoint: ['/bin/sh', '-c', image.script] }),
      },
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${sha256(layer)}`) },
    }),
  )

/** The format of `docker save`, which `ctr images import` and `docker load` read. */
const archive = async (): Promise<Buffer> => {
  const base = await baseLayer()
  const parts = new Map<string, Buffer>()
  const manifest: object[] = []
  for (const image of images) {
    const files = Object.entries(image.files ?? {})
    const own = await tarOf((tar) => files.forEach(([name, text]) => void tar.entry({ name, mode: 0o644 }, text)))
    const layers = files.length === 0 ? [base] : [base, own]
    const config = configOf(image, layers)
    parts.set(`${sha256(config)}.json`, config)
    for (const layer of layers) parts.set(`${sha256(layer)}.tar`, layer)
    manifest.push({ Config: `${sha256(config)}.json`, RepoTags: [image.name], Layers: layers.map((layer) => `${sha256(layer)}.tar`) })
  }
  return tarOf((tar) => {
    for (const [name, bytes] of parts) tar.entry({ name, mode: 0o644 }, bytes)
    tar.entry({ name: 'manifest.json', mode: 0o644 }, JSON.stringify(manifest))
  })
}

/**
 * The archive with all images that pods of the sandbox can run, made when it is missing or its inputs changed.
 * @returns its path, in the cache
 * @throws Error when the static busybox is missing
 */
export const testImagesArchive = async (): Promise<string> => {
  const hash = createHash('sha256')
    .update(await readFile(busybox))
    .update(JSON.stringify(images))
    .digest('hex')
    .slice(0, 16)
  const path = `${cacheDir()}/images/test-${hash}.tar`
  if (existsSync(path)) return path
  await mkdir(`${cacheDir()}/images`, { recursive: true })
  await writeFile(`${path}.${process.pid}`, await archive())
  await rename(`${path}.${process.pid}`, path)
  return path
}

import { createServer, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pack } from 'tar-stream'
import { expect, onTestFinished, test } from 'vitest'
import { encodeFrame } from '../../../src/tether/frames.ts'
import { openTether, type Tether } from '../../../src/tether/index.ts'
import { eventually } from '../../support/eventually.ts'
import { type ShimProcess, startShim } from '../../support/shim.ts'

const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }

interface Started {
  readonly shim: ShimProcess
  readonly tether: Tether
  output(): { stdout: string; stderr: string }
}

const start = async (
  options: { silence?: string; onConnection?: (connection: Duplex) => void; slowMs?: number } = {},
): Promise<Started> => {
  const shim = await startShim(options.silence)
  onTestFinished(() => shim[Symbol.dispose]())
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  const tether = openTether(shim.stream, {
    onOutput: (stream, chunk) => {
      chunks[stream].push(Buffer.from(chunk))
      return options.slowMs === undefined ? undefined : new Promise((resolve) => setTimeout(resolve, options.slowMs))
    },
    onConnection: options.onConnection ?? ((connection) => connection.destroy()),
  })
  onTestFinished(() => tether.destroy())
  await tether.ready
  return {
    shim,
    tether,
    output: () => ({ stdout: Buffer.concat(chunks.stdout).toString(), stderr: Buffer.concat(chunks.stderr).toString() }),
  }
}

const sh = (tether: Tether, script: string, files?: AsyncIterable<Uint8Array>) =>
  tether.run({ argv: ['/bin/sh', '-c', script], env, cwd: '/', ...(files === undefined ? {} : { files }) })

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test.each([0, 1, 42, 137])('exit code %i comes as it is', async (code) => {
  const { tether, output } = await start()
  const exit = await sh(tether, `echo out; echo err >&2; exit ${code}`)
  expect(exit).toMatchObject({ code, signal: null, oom: false, stdout: { bytes: 4 }, stderr: { bytes: 4 } })
  expect(output()).toEqual({ stdout: 'out\n', stderr: 'err\n' })
})

test.each(['SIGTERM', 'SIGKILL'] as const)('%s that comes before the job ends it as soon as it is there', async (name) => {
  const { tether } = await start()
  const files = Promise.withResolvers<void>()
  const slow = async function* (): AsyncGenerator<Uint8Array> {
    await files.promise
    const empty = pack()
    empty.finalize()
    for await (const chunk of empty) yield chunk as Uint8Array
  }
  if (name === 'SIGKILL') tether.signal('SIGTERM')
  const running = sh(tether, 'sleep 60', slow())
  tether.signal(name)
  files.resolve()
  expect(await running).toMatchObject({ code: null, signal: name })
})

test('a signal reaches the whole process group, and is told', async () => {
  const { tether, output } = await start()
  const running = sh(tether, 'sleep 60 & echo $!; wait')
  await eventually(() => output().stdout.endsWith('\n'))
  tether.signal('SIGTERM')
  expect(await running).toMatchObject({ code: null, signal: 'SIGTERM' })
  const child = Number(output().stdout)
  await eventually(() => !isAlive(child))
})

test('what the job leaves behind is ended with it, and does not hold its end', async () => {
  const { tether, output } = await start()
  const exit = await sh(tether, 'sleep 300 & echo $!')
  expect(exit.code).toBe(0)
  await eventually(() => !isAlive(Number(output().stdout)))
})

test('only the environment of the job is there', async () => {
  const { tether, output } = await start()
  await tether.run({ argv: ['/usr/bin/env'], env: { ONE: '1' }, cwd: '/' })
  expect(output().stdout).toBe('ONE=1\n')
})

const served = () => {
  const server = createServer((request: IncomingMessage, response) => {
    text(request).then(
      (body) => response.end(`${request.method} ${request.url} ${body.length}`),
      () => response.destroy(),
    )
  })
  server.on('upgrade', (_request, socket: Duplex, head: Buffer) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    if (head.length > 0) socket.write(head)
    socket.pipe(socket)
  })
  return { onConnection: (connection: Duplex) => void server.emit('connection', connection) }
}

/** A client for the job: Node itself, so that no other program has to be there. */
const node = (tether: Tether, script: string, port: number) =>
  tether.run({ argv: [process.execPath, '--input-type=module', '--eval', script, String(port)], env, cwd: '/' })

test('requests of the job go through the tunnel, beside a flood on its output', async () => {
  const { tether, output } = await start(served())
  const { port } = await tether.ready
  const script = `
    import { request } from 'node:http'
    const port = process.argv[1]
    process.stdout.write('x'.repeat(20_000_000))
    const ask = (path, body) => new Promise((done) => { const r = request({ port, path, method: 'POST' }, async (a) => { let t = ''; for await (const c of a) t += c; done(t) }); r.end(body) })
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => ask('/' + i, 'y'.repeat(i * 50_000))))
    process.stderr.write(answers.join('\\n'))`
  const exit = await node(tether, script, port)
  expect(exit).toMatchObject({ code: 0, stdout: { bytes: 20_000_000 } })
  expect(output().stderr.split('\n')).toEqual(Array.from({ length: 20 }, (_, index) => `POST /${index} ${index * 50_000}`))
})

test('a connection can be upgraded, and each side may end first', async () => {
  const { tether, output } = await start(served())
  const { port } = await tether.ready
  const script = `
    import { connect } from 'node:net'
    const socket = connect({ port: process.argv[1], host: '127.0.0.1', allowHalfOpen: true })
    socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\nUpgrade: echo\\r\\n\\r\\n')
    let text = ''
    socket.once('data', () => { socket.write('z'.repeat(1_000_000)); socket.end() })
    for await (const chunk of socket) text += chunk
    console.log(text.split('z').length - 1)`
  expect((await node(tether, script, port)).code).toBe(0)
  expect(output().stdout.trim()).toBe('1000000')
})

test('a slow reader holds the job back instead of growing', async () => {
  const { tether, output } = await start({ slowMs: 5 })
  const before = process.memoryUsage().rss
  const exit = await sh(tether, 'head -c 30000000 /dev/zero')
  expect(exit.stdout.bytes).toBe(30_000_000)
  expect(output().stdout.length).toBe(30_000_000)
  expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000)
})

test('a job for a session that was cut while it waited is told so', async () => {
  const { shim, tether } = await start()
  shim.kill()
  await shim.exited
  await eventually(() => shim.stream.destroyed)
  await expect(sh(tether, 'true')).rejects.toMatchObject({ code: 'tether_cut' })
})

test('a stream that is cut is an error in every phase, never an end', async () => {
  for (const phase of ['before the job', 'during it', 'after its output'] as const) {
    const { shim, tether, output } = await start()
    if (phase === 'before the job') shim.kill()
    const running = sh(tether, 'echo here; sleep 30')
    if (phase !== 'before the job') {
      await eventually(() => output().stdout.includes('here'))
      if (phase === 'during it') shim.kill()
      else shim.stream.destroy()
    }
    await expect(running, phase).rejects.toMatchObject({ code: 'tether_cut' })
  }
})

test('a shim whose worker is silent ends itself and the job', async () => {
  const { shim, tether, output } = await start({ silence: '1s' })
  void sh(tether, 'echo $$; sleep 300').catch(() => {})
  await eventually(() => output().stdout.endsWith('\n'))
  process.kill(shim.pid, 0)
  // The pulse is every 5 s, so a limit of 1 s passes without one.
  expect(await shim.exited).toBe(4)
  await eventually(() => !isAlive(Number(output().stdout)))
})

test('a shim ends with its stream, and the job with it', async () => {
  const { shim, tether, output } = await start()
  void sh(tether, 'echo $$; sleep 300').catch(() => {})
  await eventually(() => output().stdout.endsWith('\n'))
  tether.destroy()
  await shim.exited
  await eventually(() => !isAlive(Number(output().stdout)))
})

test('a program that is not there was not started', async () => {
  const { tether } = await start()
  await expect(tether.run({ argv: ['no-such-program'], env, cwd: '/' })).rejects.toMatchObject({
    code: 'job_not_started',
    message: expect.stringContaining('no-such-program'),
  })
})

const tarWith = (name: string, type: 'file' | 'symlink' = 'file'): AsyncIterable<Uint8Array> => {
  const tar = pack()
  if (type === 'file') tar.entry({ name }, 'content')
  else tar.entry({ name, type, linkname: '/etc/passwd' })
  tar.finalize()
  return tar as AsyncIterable<Uint8Array>
}

test('files are there before the program starts', async () => {
  const { shim, tether, output } = await start()
  await sh(tether, `cat ${shim.folder}/a/b.txt`, tarWith('a/b.txt'))
  expect(output().stdout).toBe('content')
})

test.each([
  ['outside', () => tarWith('../escape')],
  ['absolute', () => tarWith('/tmp/escape')],
  ['a link', () => tarWith('link', 'symlink')],
  [
    'no archive',
    async function* () {
      yield Buffer.from('this is no tar archive'.repeat(100))
    },
  ],
])('files that are %s are refused, and nothing is started', async (_, files) => {
  const { tether } = await start()
  await expect(sh(tether, 'true', files())).rejects.toMatchObject({ code: 'job_not_started' })
})

/** A double of a shim of another version: there is none. */
test('another version is said, not guessed at', async () => {
  const stream = new PassThrough()
  const tether = openTether(stream, { onOutput: () => {}, onConnection: () => {} })
  stream.push(encodeFrame({ type: 'ready', channel: 0, sequence: 1, payload: Buffer.from(JSON.stringify({ version: 9, port: 1 })) }))
  await expect(tether.ready).rejects.toMatchObject({ code: 'tether_version', message: expect.stringContaining('version 9') })
})

test('a session runs one job only', async () => {
  const { tether } = await start()
  await sh(tether, 'true')
  await expect(sh(tether, 'true')).rejects.toMatchObject({ code: 'tether_protocol' })
})

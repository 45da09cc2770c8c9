import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { cacheDir } from '../../../src/sandbox/paths.ts'
import { run } from '../../../src/sandbox/run.ts'
import { goCommand } from '../../../src/sandbox/setup/go.ts'

const sources = import.meta.dirname

/** What kube-apiserver makes of a request; the names are those of main.go. */
export interface OracleAnswer {
  readonly e?: string
  readonly i?: boolean
  readonly v?: string
  readonly p?: string
  readonly g?: string
  readonly ver?: string
  readonly ns?: string
  readonly r?: string
  readonly s?: string
  readonly n?: string
}

const build = async (): Promise<string> => {
  const hash = createHash('sha256')
  for (const name of ['go.mod', 'go.sum', 'main.go']) hash.update(await readFile(`${sources}/${name}`))
  const folder = `${cacheDir()}/requestinfo`
  const binary = `${folder}/requestinfo-${hash.digest('hex').slice(0, 16)}`
  if (existsSync(binary)) return binary
  await mkdir(folder, { recursive: true })
  const made = await mkdtemp(`${folder}/.new-`)
  try {
    const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', GOWORK: 'off' }
    await run(await goCommand(), ['build', '-trimpath', '-o', `${made}/requestinfo`, '.'], { cwd: sources, env })
    await rename(`${made}/requestinfo`, binary)
  } finally {
    await rm(made, { recursive: true, force: true })
  }
  return binary
}

/** The program in main.go, built once and kept in the cache. It answers many requests at a time, in order. */
export const startOracle = async (): Promise<{
  ask(asked: readonly { readonly m: string; readonly u: string }[]): Promise<OracleAnswer[]>
  stop(): void
}> => {
  const child = spawn(await build(), { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async ask(asked) {
      child.stdin.write(asked.map((one) => `${JSON.stringify(one)}\n`).join(''))
      const answers: OracleAnswer[] = []
      while (answers.length < asked.length) {
        const line = await lines.next()
        if (line.done === true) throw new Error('the oracle ended')
        answers.push(JSON.parse(line.value) as OracleAnswer)
      }
      return answers
    },
    stop: () => child.kill(),
  }
}

import { cpSync, readFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { createConnector } from '../../../src/cluster/connection.ts'
import type { ClusterRequest } from '../../../src/model/ports.ts'
import type { RotationJournal } from '../../../src/model/rotationjournal.ts'
import { openStore } from '../../../src/store/index.ts'
import { rotating } from '../../support/rotating.ts'

/** What the child is told. */
export interface Crash {
  readonly redisUrl: string
  readonly keyFile: string
  readonly target: string
  /** It dies at its nth call of anything, before or after it. */
  readonly dieAt: number
  readonly after: boolean
  /** Every token that was minted is written here, so that the test can ask for each whether it lives. */
  readonly tokens: string
  /** Redis dies with it, and is to come back as it was at an earlier call, but with all that a barrier has passed. */
  readonly redis?: { readonly pid: number; readonly files: string; readonly copy: string; readonly copyAt: number }
}

const crash = JSON.parse(process.argv[2] ?? '') as Crash
const { redis } = crash
let calls = 0
let copied = false

const copy = (): void => {
  if (redis !== undefined) cpSync(redis.files, redis.copy, { recursive: true, force: true })
  copied = true
}
const die = (): void => {
  if (redis !== undefined) process.kill(redis.pid, 'SIGKILL')
  process.kill(process.pid, 'SIGKILL')
}

const counted = async <T>(work: () => Promise<T>): Promise<T> => {
  const call = ++calls
  if (redis !== undefined && call >= redis.copyAt && !copied) copy()
  if (call === crash.dieAt && !crash.after) die()
  const result = await work()
  if (call === crash.dieAt && crash.after) die()
  return result
}

const store = await openStore({ url: crash.redisUrl, timeoutMs: 20_000 })
const key = { kid: 'test', key: readFileSync(crash.keyFile) }
const connect = createConnector()
const { rotations } = store
const journal: RotationJournal = {
  ...rotations,
  step: (...args) => counted(() => rotations.step(...args)),
  barrier: () =>
    counted(async () => {
      const rests = await rotations.barrier()
      if (redis !== undefined) copy()
      return rests
    }),
}
const isMint = ({ method, path }: ClusterRequest): boolean => method === 'POST' && path.endsWith('/token')
const loop = rotating(store, key, {
  only: [crash.target],
  journal: { ...journal, due: async (most) => (await rotations.due(most)).filter((name) => name === crash.target) },
  cluster: {
    connect: (target, credential) => {
      const connection = connect(target, credential)
      return {
        ...connection,
        request: (asked) =>
          counted(async () => {
            const answer = await connection.request(asked)
            if (!isMint(asked)) return answer
            const body = await text(answer.body)
            const { status } = JSON.parse(body) as { status?: { token?: string } }
            if (status?.token !== undefined) await appendFile(crash.tokens, `${status.token}\n`)
            return { ...answer, body: Readable.from([Buffer.from(body)]) }
          }),
      }
    },
  },
})
// It ends by itself when the rotation had fewer calls than it should die at.
for (;;) {
  const journaled = await rotations.read(await store.targets.get(crash.target))
  if (journaled?.rotation.state === 'stable' && journaled.rotation.answer !== undefined) break
  await new Promise((resolve) => setTimeout(resolve, 100))
}
await loop.stop()
await store.close()
process.exit(0)

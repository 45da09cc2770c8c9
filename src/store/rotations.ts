import { randomUUID } from 'node:crypto'
import type { SealedRecord } from '../model/credential.ts'
import { TelpherError } from '../model/errors.ts'
import { newRotation, type Rotation } from '../model/rotation.ts'
import type { RotationJournal, RotationStep, RotationTurn, RotationWish } from '../model/rotationjournal.ts'
import type { Target } from '../model/target.ts'
import { createBarrier } from './barrier.ts'
import type { Connection } from './connection.ts'
import { rotationKeys, targetKeys, versionField } from './keys.ts'
import { createPlaces } from './places.ts'

/** What a turn is known by, and the texts that its next step must find. */
interface Held {
  readonly token: string
  readonly targetText: string
  readonly rotationText: string
}

const { due, journal } = rotationKeys

const wishOf = (text: string): { wish?: RotationWish } => (text === '' ? {} : { wish: JSON.parse(text) as RotationWish })

/** The changes of the sealed records, as the script takes them. */
const recordChanges = (account: string, { rotation, put, use, drop }: RotationStep, before: Rotation): string[] => [
  ...(put === undefined ? [] : ['put', versionField(account, put.version), JSON.stringify(put)]),
  ...(use === undefined
    ? []
    : ['move', account, versionField(account, before.version), 'move', versionField(account, rotation.version), account]),
  ...(drop === undefined ? [] : ['drop', versionField(account, drop), '']),
]

/** Journals of rotations in Redis: one hash an account, in the slot of the targets and their accounts. */
export const createRotations = (connection: Connection): RotationJournal => {
  const turns = new WeakMap<RotationTurn, Held>()
  const heldOf = (turn: RotationTurn): Held => {
    const held = turns.get(turn)
    if (held === undefined) throw new TelpherError('internal', 'this is no turn that was claimed')
    return held
  }
  const turnOf = (turn: RotationTurn, held: Held): RotationTurn => {
    turns.set(turn, held)
    return turn
  }
  const textOf = (name: string): Promise<string | null> => connection.call((redis) => redis.hget(targetKeys.records, name))

  const write = async (turn: RotationTurn, step: RotationStep, forMs: number, again: boolean): Promise<RotationTurn | undefined> => {
    const { token, targetText, rotationText } = heldOf(turn)
    const target: Target = step.account === undefined ? turn.target : { ...turn.target, account: step.account }
    const { id, version } = turn.target.account
    const [written, asked] = [JSON.stringify(step.rotation), step.account === undefined ? targetText : JSON.stringify(target)]
    const changes = recordChanges(id, step, { ...turn.rotation, version: turn.rotation.version ?? version ?? 1 })
    const args = [target.name, token, rotationText, written, forMs, targetText, asked, step.answered ?? '', ...changes]
    const answer = (await connection.script('step-rotation', [journal(id), due, targetKeys.records, targetKeys.accounts], args)) as [
      number,
      string?,
      string?,
    ]
    if (answer[0] === 1) {
      const next = { target, rotation: step.rotation, fence: turn.fence, now: Number(answer[2]), ...wishOf(answer[1] ?? '') }
      return turnOf(next, { token, targetText: asked, rotationText: written })
    }
    if (answer[0] === 0 || !again) return undefined
    // Something else of the target was changed meanwhile: its account is ours alone to change while the turn is held.
    const fresh = await textOf(target.name)
    if (fresh === null) return undefined
    const moved = turnOf({ ...turn, target: JSON.parse(fresh) as Target }, { token, targetText: fresh, rotationText })
    return moved.target.account.id === id ? write(moved, step, forMs, false) : undefined
  }

  const release = async (turn: RotationTurn, forMs: number, at: number): Promise<boolean> => {
    const { token } = heldOf(turn)
    const { name, account } = turn.target
    return (await connection.script('keep-rotation', [journal(account.id), due], [name, token, forMs, Math.round(at)])) === 1
  }

  return {
    due: async (most) => {
      const now = await connection.now(due)
      return connection.call((redis) => redis.zrangebyscore(due, '-inf', now, 'LIMIT', 0, most))
    },
    enrol: async () => {
      const names = await connection.call((redis) => redis.hkeys(targetKeys.records))
      for (let start = 0; start < names.length; start += 1000) {
        const page = names.slice(start, start + 1000).flatMap((name) => [0, name])
        await connection.call((redis) => redis.zadd(due, 'NX', ...page))
      }
    },
    claim: async (name, forMs) => {
      const targetText = await textOf(name)
      if (targetText === null) {
        await connection.call((redis) => redis.zrem(due, name))
        return undefined
      }
      const target = JSON.parse(targetText) as Target
      const token = randomUUID()
      const fresh = JSON.stringify(newRotation(target.account.version ?? 1, target.createdAt))
      const keys = [journal(target.account.id), due, targetKeys.records]
      const answer = (await connection.script('claim-rotation', keys, [name, targetText, fresh, forMs, token])) as string[] | null
      if (answer === null) return undefined
      const [fence = '', rotationText = '', wish = '', now = ''] = answer
      const turn = { target, rotation: JSON.parse(rotationText) as Rotation, fence: Number(fence), now: Number(now), ...wishOf(wish) }
      return turnOf(turn, { token, targetText, rotationText })
    },
    step: (turn, step, forMs) => write(turn, step, forMs, true),
    keep: (turn, forMs) => release(turn, forMs, 0),
    release: async (turn, at) => {
      await release(turn, 0, at)
    },
    sealed: async ({ target: { account }, rotation }, version) => {
      const field = version === rotation.version ? account.id : versionField(account.id, version)
      const text = await connection.call((redis) => redis.hget(targetKeys.accounts, field))
      if (text === null) throw new TelpherError('sealed_record', `there is no version ${version} of ${account.id}`)
      return JSON.parse(text) as SealedRecord
    },
    barrier: createBarrier(connection),
    places: createPlaces(connection),
    ask: async (name, wish) => {
      const text = await textOf(name)
      if (text === null) throw new TelpherError('unknown_target', `there is no target ${name}`)
      const { id } = (JSON.parse(text) as Target).account
      if ((await connection.script('ask-rotation', [journal(id), due], [name, JSON.stringify(wish)])) === 1) return
      throw new TelpherError('rotation_refused', 'a revocation was asked for before, and has not begun yet')
    },
    read: async ({ account }) => {
      const [rotation, wish] = await connection.call((redis) => redis.hmget(journal(account.id), 'rotation', 'wish'))
      if (rotation === null || rotation === undefined) return undefined
      return { rotation: JSON.parse(rotation) as Rotation, ...wishOf(wish ?? '') }
    },
  }
}

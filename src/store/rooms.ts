import type { JobRef } from '../model/deployment.ts'
import type { Connection } from './connection.ts'
import { type RoomKeys, roomKeys } from './keys.ts'
import type { Rooms } from './types.ts'

/** Who waits asks with every sweep; one that has not for so long, in ms, is passed over until it does. */
const silentMs = 5000

/** Looking at a deployment costs more than naming it: those that are named name others in their turn. */
const maxNext = 4

const listOf = ({ queue, holders, turns, asks }: RoomKeys): string[] => [queue, holders, turns, asks]
const memberOf = ({ deploymentId, jobId }: JobRef): string => `${deploymentId}/${jobId}`

/** Takes a job out of the room of these keys. @returns the deployment that can take its place */
export const leaveRoom = async (connection: Connection, keys: RoomKeys, ref: JobRef, queue: boolean): Promise<string | undefined> => {
  const first = await connection.script('leave-room', listOf(keys), [ref.deploymentId, memberOf(ref), queue ? '1' : '0'])
  return typeof first === 'string' ? first : undefined
}

const refOf = (member: string): JobRef => {
  const [deploymentId = '', jobId = ''] = member.split('/')
  return { deploymentId, jobId }
}

/** The jobs that are in the room of these keys, and those that their deployments stand in its queue for. */
export const jobsInRoom = async (connection: Connection, { holders, asks }: RoomKeys): Promise<JobRef[]> => {
  const [inside, all] = await connection.call((redis) => Promise.all([redis.zrange(holders, '0', '-1'), redis.hgetall(asks)]))
  const asking = Object.entries(all).flatMap(([field, ask]) => (field.startsWith('ask:') ? [ask.split(' ').at(-1) ?? ''] : []))
  return [...inside, ...asking].map(refOf)
}

/** Rooms: so many jobs at a time in a pool, at a target, in a cluster, and deployments taking turns before them. */
export const createRooms = (connection: Connection): Rooms => ({
  enter: async (room, ref, { priority, weight, places, waiting }) => {
    const args = [ref.deploymentId, memberOf(ref), priority, weight, places, waiting, silentMs, maxNext]
    const [isIn, ...next] = (await connection.script('enter-room', listOf(roomKeys(room)), args)) as [number, ...string[]]
    return { in: isIn === 1, next }
  },
  leave: (room, ref, { queue = true } = {}) => leaveRoom(connection, roomKeys(room), ref, queue),
  look: async (room, now) => {
    const { holders, asks } = roomKeys(room)
    const [inside, all] = await connection.call((redis) => Promise.all([redis.zcard(holders), redis.hgetall(asks)]))
    const fresh = Object.entries(all)
      .filter(([field]) => field.startsWith('ask:'))
      .map(([, ask]) => ask.split(' ').map(Number))
      .filter(([at = 0]) => now - at < silentMs)
    return { inside, waiting: fresh.reduce((sum, [, waiting = 0]) => sum + waiting, 0), deployments: fresh.length }
  },
})

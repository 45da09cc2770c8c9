import type { Connection } from './connection.ts'
import { heldPattern, isLockKey, type RoomKeys, roomKeys, roomsAmong } from './keys.ts'
import { readLock, updateLock } from './locks.ts'
import { jobsInRoom, leaveRoom } from './rooms.ts'
import { createScan } from './scan.ts'
import type { FoundRoom, Holdings } from './types.ts'

/** Keys looked at in one go: about a millisecond of Redis. */
const pageSize = 5000

/** All locks and rooms, found by their keys: who is in them may be known to no deployment. */
export const createHoldings = (connection: Connection): Holdings => {
  const scan = createScan(connection, heldPattern, pageSize)
  const roomOf = async (keys: RoomKeys): Promise<FoundRoom> => ({
    jobs: await jobsInRoom(connection, keys),
    leave: (ref) => leaveRoom(connection, keys, ref, true),
  })
  return {
    page: async () => {
      const keys = await scan.page()
      const locks = keys.filter(isLockKey).map(async (key) => ({
        state: await readLock(connection, key),
        update: (change: Parameters<typeof updateLock>[2]) => updateLock(connection, key, change, key),
      }))
      const rooms = roomsAmong(keys).map(roomOf)
      // Together: one that fails while the others are waited for would be nobody's, and end the process.
      const [foundLocks, foundRooms] = await Promise.all([Promise.all(locks), Promise.all(rooms)])
      return { locks: foundLocks, rooms: foundRooms }
    },
    room: (name) => roomOf(roomKeys(name)),
  }
}

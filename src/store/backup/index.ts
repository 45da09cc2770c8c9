import { openBackup, writeBackup } from '../../model/backup.ts'
import type { MigrationContext } from '../migrations.ts'
import type { Backup, Memory } from '../types.ts'
import { dump, sealedWith } from './dump.ts'
import { headerOf, isRestoring, load } from './load.ts'

/** Everything that lasts of an installation, as text, and back. */
export const createBackup = (context: MigrationContext, memory: Pick<Memory, 'mustHaveRoom'>): Backup => ({
  read: async function* (options) {
    yield* writeBackup(headerOf(await sealedWith(context)), dump(context, options))
  },
  restore: async (source, known) => load(await openBackup(source), { ...context, memory, known }),
  isRestoring: () => isRestoring(context.connection),
})

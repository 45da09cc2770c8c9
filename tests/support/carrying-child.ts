import { openStore } from '../../src/store/index.ts'
import { startCarrying } from './pipes.ts'

/** A worker that only carries pipes, to be killed. It says its id when it can be asked. */
const [url = '', pool = ''] = process.argv.slice(2)
const store = await openStore({ url })
const { id } = await startCarrying(store, pool)
process.stdout.write(`${id}\n`)

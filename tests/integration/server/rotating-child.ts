import { loadKeyFile, withOlderKeys } from '../../../src/credentials/keyfile.ts'
import { reseal } from '../../../src/credentials/seal.ts'
import { openStore } from '../../../src/store/index.ts'

/** A server that seals records anew, and is killed when it comes to the nth of them. */
const [url = '', file = '', older = '', dieAt = ''] = process.argv.slice(2)
const keys = await withOlderKeys(await loadKeyFile(file), [older])
const store = await openStore({ url })
let seen = 0
await store.sealed.change((record) => {
  if (++seen === Number(dieAt)) process.kill(process.pid, 'SIGKILL')
  return reseal(keys, record)
})

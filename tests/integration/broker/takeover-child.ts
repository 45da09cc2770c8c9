import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { signerOf } from '../../../src/credentials/signer.ts'
import { startBroker } from '../../../src/server/broker/broker.ts'
import { openStore } from '../../../src/store/index.ts'

/** A server that takes a request to its broker, says so, and never comes to an answer. */
const [url = '', keyFile = ''] = process.argv.slice(2)
const store = await openStore({ url })
const takenFor = (): Promise<never> => {
  process.stdout.write('taken\n')
  return new Promise<never>(() => {})
}
startBroker({
  store,
  minting: { grant: takenFor, renew: takenFor, end: takenFor },
  vault: { open: () => takenFor() as never },
  packages: { keyOf: async () => undefined },
  signer: signerOf(createPrivateKey(readFileSync(keyFile, 'utf8'))),
  log: () => {},
  signal: new AbortController().signal,
})
process.stdout.write('ready\n')

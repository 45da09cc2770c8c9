import { existsSync } from 'node:fs'
import { readKubeconfig, readPlace } from '../../src/credentials/kubeconfig.ts'
import { TelpherError } from '../../src/model/errors.ts'
import { hostile, malformed, written } from './hostile-kubeconfigs.ts'

/** Reads every hostile kubeconfig between two looks at files that are not there, by which whoever traces this process knows when. */

const [, , begin = '', end = ''] = process.argv
const texts = [...hostile.map(([, parts]) => written('https://127.0.0.1:1', parts)), ...malformed.map(([, text]) => text)]
const isRefused = (text: string): boolean => {
  try {
    readKubeconfig(text, 'here')
    return false
  } catch (thrown) {
    return thrown instanceof TelpherError
  }
}
const isRead = (text: string): boolean => {
  try {
    return readPlace(text, 'here').server !== ''
  } catch {
    return false
  }
}

existsSync(begin)
const refused = texts.filter(isRefused).length
// For one who brings a credential of his own a user's program is not looked at: it must not be run either.
texts.filter(isRead)
existsSync(end)
console.log(JSON.stringify({ refused, of: texts.length }))

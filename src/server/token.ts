import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TelpherError } from '../model/errors.ts'
import { Secret } from '../model/secret.ts'

const form = /^tel_[A-Za-z0-9_-]{43}$/

const bad = (file: string, why: string, cause?: unknown): TelpherError =>
  new TelpherError('token_file', `${file}: ${why}`, { field: file, ...(cause === undefined ? {} : { cause }) })

/** Makes the file whole or not at all, and leaves one that is there: of two servers that start at once, both read the same. */
const makeOnce = async (file: string): Promise<void> => {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(draft, `tel_${randomBytes(32).toString('base64url')}\n`, { mode: 0o400, flag: 'wx' })
    await link(draft, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw bad(file, 'cannot be made', error)
  } finally {
    await rm(draft, { force: true })
  }
}

/**
 * The bearer token of the HTTP API: 256 random bits in a file that only its owner may read, made at the first start.
 * @throws TelpherError token_file when it cannot be made or read, others may read it, or it holds no token
 */
export const ensureToken = async (file: string): Promise<Secret> => {
  const found = await stat(file).catch(() => undefined)
  if (found === undefined) await makeOnce(file)
  const { mode } = found ?? (await stat(file))
  if ((mode & 0o077) !== 0) throw bad(file, `others may read it (mode 0${(mode & 0o777).toString(8)}); run: chmod 0400 ${file}`)
  const token = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw bad(file, 'cannot be read', cause)
  })
  if (!form.test(token.trim())) throw bad(file, 'it holds no token; remove it and start again')
  return new Secret(token.trim())
}

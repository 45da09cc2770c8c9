import { makePoolKey, writePoolKey } from '../credentials/poolkey.ts'
import type { Signer } from '../credentials/signer.ts'
import { type Enrolled, type Enrolment, enrolmentOf, newEnrolmentSchema, readEnrolment } from '../model/enrolment.ts'
import { TelpherError } from '../model/errors.ts'
import { signText } from '../model/signature.ts'
import { nameSchema } from '../model/target.ts'
import type { Store } from '../store/index.ts'
import type { Api, ApiDeps } from './context.ts'
import { bodyOf, on, param, parsed } from './on.ts'

interface EnrolDeps {
  readonly store: Pick<Store, 'enrolments'>
  readonly signer: Signer
}

/**
 * Enrols workers of a pool by the public half of their key.
 * @throws TelpherError enrolment_exists
 */
const enrol = async (pool: string, publicKey: string, now: number, { store, signer }: EnrolDeps): Promise<Enrolled> => {
  const enrolment = enrolmentOf(pool, publicKey, now)
  await store.enrolments.create(enrolment.fingerprint, signText('enrolment', JSON.stringify(enrolment), signer.privateKey))
  return { ...enrolment, serverKeys: [signer.publicPem] }
}

/** What no server signed is nobody's word. */
const allEnrolments = async ({ store, signer }: EnrolDeps): Promise<Enrolment[]> =>
  (await store.enrolments.list())
    .flatMap((signed) => readEnrolment(signed, [signer.publicKey]) ?? [])
    .sort((a, b) => (a.pool === b.pool ? a.createdAt - b.createdAt : a.pool < b.pool ? -1 : 1))

/**
 * Enrols the workers of the pool `default` that share this server's data folder, where nobody was enrolled yet: one machine needs no more.
 * @param file where their key goes; one that is there is left alone
 * @returns whether it was made
 * @throws TelpherError pool_key_file when the file cannot be written
 */
export const ensureFirstEnrolment = async (file: string, now: number, deps: EnrolDeps): Promise<boolean> => {
  if ((await deps.store.enrolments.list()).length > 0) return false
  const key = makePoolKey()
  if (!(await writePoolKey(file, key.text('default', [deps.signer.publicPem])))) return false
  await enrol('default', key.publicKey, now, deps)
  return true
}

export const addEnrolmentRoutes = (api: Api, deps: ApiDeps): void => {
  const { store, now = Date.now } = deps
  on(api, 'listEnrolments', async (context) => context.json({ enrolments: await allEnrolments(deps) }))
  on(api, 'enrolWorkers', async (context) => {
    const pool = parsed(nameSchema, param(context, 'name'))
    const { body } = await bodyOf(context, newEnrolmentSchema)
    return context.json(await enrol(pool, body.publicKey, now(), deps), 201)
  })
  on(api, 'revokeEnrolment', async (context) => {
    const [pool, fingerprint] = [param(context, 'name'), param(context, 'fingerprint')]
    const known = (await allEnrolments(deps)).some((enrolment) => enrolment.pool === pool && enrolment.fingerprint === fingerprint)
    if (!known) throw new TelpherError('unknown_enrolment', `pool ${pool.slice(0, 64)} has no key ${fingerprint.slice(0, 64)}`)
    await store.enrolments.remove(fingerprint)
    return context.body(null, 204)
  })
}

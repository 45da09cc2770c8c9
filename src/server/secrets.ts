import { TelpherError } from '../model/errors.ts'
import type { Secret } from '../model/secret.ts'
import { newSecretSchema, type SecretSummary } from '../model/stepsecret.ts'
import { nameSchema } from '../model/target.ts'
import type { Api, ApiDeps } from './context.ts'
import { bodyOf, on, param } from './on.ts'

/** Whoever sets the same secret at once is told so after this many tries. */
const tries = 5

/** Stores a value as the next version. @returns what may be shown, and whether it is the first */
const put = async (name: string, value: Secret, { store, vault, now = Date.now }: ApiDeps): Promise<[SecretSummary, boolean]> => {
  for (let tried = 0; tried < tries; tried++) {
    const before = await store.secrets.find(name)
    const at = now()
    const summary: SecretSummary = {
      name,
      version: (before?.version ?? 0) + 1,
      fingerprint: vault.fingerprint(value),
      bytes: Buffer.byteLength(value.reveal()),
      createdAt: before?.createdAt ?? at,
      updatedAt: at,
    }
    if (await store.secrets.put(summary, vault.seal(name, summary.version, value), before)) return [summary, before === undefined]
  }
  throw new TelpherError('secret_refused', `others set ${name} at this moment: look at it, and set it again`, { field: 'name' })
}

/** Secrets of steps: they can be set, listed and removed, and nothing gives a value back. */
export const addSecretRoutes = (api: Api, deps: ApiDeps): void => {
  const { store } = deps
  on(api, 'listSecrets', async (context) => context.json({ secrets: await store.secrets.list() }))
  on(api, 'setSecret', async (context) => {
    const name = param(context, 'name')
    const named = nameSchema.safeParse(name)
    if (!named.success) throw new TelpherError('invalid_input', `name: ${named.error.issues[0]?.message}`, { field: 'name' })
    const { body } = await bodyOf(context, newSecretSchema)
    await store.memory.mustHaveRoom()
    const [summary, isNew] = await put(name, body.value, deps)
    return context.json(summary, isNew ? 201 : 200)
  })
  on(api, 'removeSecret', async (context) => {
    await store.secrets.remove(param(context, 'name'))
    return context.body(null, 204)
  })
}

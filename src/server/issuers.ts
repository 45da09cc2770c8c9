import { discoveryDocument, documentsMaxAge, keySet } from '../credentials/federation/documents.ts'
import { TelpherError } from '../model/errors.ts'
import type { Federation } from '../model/federation.ts'
import { nameSchema } from '../model/target.ts'
import type { Api, ApiDeps } from './context.ts'
import { on, param, parsed } from './on.ts'

const cached = { 'cache-control': `max-age=${documentsMaxAge}` }

/** The issuer that each target of the mode federated has; what is public of it is served to everybody. */
export const addIssuerRoutes = (api: Api, { store, issuer }: ApiDeps): void => {
  const federationOf = async (name: string): Promise<Federation> => {
    const { account } = await store.targets.get(name)
    if (account.federation === undefined) throw new TelpherError('unknown_target', `there is no issuer ${name}`)
    return account.federation
  }
  on(api, 'nameIssuer', (context) => context.json(issuer.names(parsed(nameSchema, param(context, 'name')))))
  on(api, 'discoverIssuer', async (context) => context.json(discoveryDocument(await federationOf(param(context, 'name'))), 200, cached))
  on(api, 'issuerKeys', async (context) => context.json(keySet(await federationOf(param(context, 'name'))), 200, cached))
}

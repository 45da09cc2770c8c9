import { readFile } from 'node:fs/promises'
import { type Client, createClient } from '../../src/client/http.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Stack } from '../../src/sandbox/stack.ts'

/** A client of a stack's server. */
export const clientOf = async ({ server }: Pick<Stack, 'server'>): Promise<Client> =>
  createClient(server.url, new Secret((await readFile(server.tokenFile, 'utf8')).trim()))

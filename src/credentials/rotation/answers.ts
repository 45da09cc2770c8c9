import type { ErrorCode } from '../../model/errors.ts'
import type { RotationAnswer } from '../../model/rotation.ts'
import { type PlainCredential, summarize } from '../account.ts'
import type { HeldAccount } from './held.ts'

export const expiryOf = (plain: PlainCredential): { readonly expiresAt?: number } => {
  const { expiresAt } = summarize('', plain)
  return expiresAt === undefined ? {} : { expiresAt }
}

export const answerTo = (id: string | undefined, ok: boolean, sentence: string, code?: ErrorCode): { answer?: RotationAnswer } =>
  id === undefined ? {} : { answer: { id, ok, sentence, ...(code === undefined ? {} : { code }) } }

export const refuseWish = async (held: HeldAccount, id: string, code: ErrorCode, sentence: string): Promise<void> => {
  await held.write({ rotation: { ...held.turn().rotation, ...answerTo(id, false, sentence, code) }, answered: id })
}

import { openPackage } from '../src/credentials/packages.ts'
import { TelpherError } from '../src/model/errors.ts'
import type { SealedPackage } from '../src/model/package.ts'
import { type Store, untilThrough } from '../src/store/index.ts'

/**
 * What is in a package; one that cannot be opened is removed, so that it can be uploaded again.
 * @param key in base64, as the broker gave it
 * @throws TelpherError package_missing
 */
export const unsealed = async (
  sealed: SealedPackage,
  key: string | undefined,
  { packages }: Pick<Store, 'packages'>,
): Promise<Uint8Array> => {
  try {
    return openPackage(sealed, key)
  } catch (thrown) {
    const isDamaged = key !== undefined && thrown instanceof TelpherError && thrown.code === 'package_missing'
    if (isDamaged) await untilThrough(() => packages.remove(sealed.id))
    throw thrown
  }
}

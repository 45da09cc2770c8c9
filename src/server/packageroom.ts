import { createHash } from 'node:crypto'
import { openPackage, type PackageVault } from '../credentials/packages.ts'
import { TelpherError } from '../model/errors.ts'
import { isPlain, isUploadKey } from '../model/package.ts'
import type { DeploymentRequest } from '../model/step.ts'
import type { Store } from '../store/index.ts'

/** Packages as a server sees them: sealed in the store, under names that tell nothing. */
export interface PackageRoom {
  /** @returns what a client knows it by @throws TelpherError package_too_large */
  put(bytes: Uint8Array): Promise<{ readonly sha256: string; readonly size: number }>
  /**
   * The name of a package that is there; counts as a use.
   * @param sum its SHA-256, or its name already
   */
  find(sum: string): Promise<string | undefined>
  /** Whether there is no need to upload it: one that an earlier version stored in clear is to be uploaded once more. */
  isSealed(sum: string): Promise<boolean>
  /** What is in it. @throws TelpherError package_missing, sealed_record */
  read(name: string): Promise<Buffer>
  /** Its key in base64, for the attempt that needs it; undefined where it has none. @throws TelpherError sealed_record */
  keyOf(name: string): Promise<string | undefined>
  /** The request with names in place of sums, whether they are there or not: a sum could be tried out. */
  withoutSums(request: DeploymentRequest): DeploymentRequest
  /** The request with the names of its packages. @throws TelpherError package_missing */
  named(request: DeploymentRequest): Promise<DeploymentRequest>
}

const renamed = (request: DeploymentRequest, nameOf: (sum: string) => string): DeploymentRequest => ({
  ...request,
  steps: request.steps.map((step) => ({ ...step, package: nameOf(step.package) })),
})

/** @param store whose packages these are */
export const createPackageRoom = ({ packages }: Pick<Store, 'packages'>, vault: PackageVault): PackageRoom => {
  const find: PackageRoom['find'] = async (sum) => {
    const name = vault.nameOf(sum)
    if (await packages.has(name)) return name
    return (await packages.has(sum)) ? sum : undefined
  }
  const keyOf: PackageRoom['keyOf'] = async (name) => {
    const key = await packages.key(name)
    return key === undefined ? undefined : vault.keyOf(name, key)
  }
  return {
    async put(bytes) {
      await packages.put(vault.seal(bytes))
      return { sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.byteLength }
    },
    find,
    async isSealed(sum) {
      const name = await find(sum)
      return name !== undefined && (await packages.key(name)) !== undefined
    },
    async read(name) {
      const [sealed, key] = await Promise.all([packages.get(name), keyOf(name)])
      if (key === undefined && !isPlain(sealed)) throw new TelpherError('package_missing', `package ${name.slice(0, 12)} has no key`)
      return openPackage(sealed, key)
    },
    keyOf,
    withoutSums: (request) => renamed(request, vault.nameOf),
    async named(request) {
      const names = new Map<string, string>()
      for (const sum of new Set(request.steps.map((step) => step.package))) {
        const name = await find(sum)
        if (name === undefined) throw new TelpherError('package_missing', `there is no package ${sum}`, { field: 'steps' })
        names.set(sum, name)
        // One that a producer brought is looked at, and is under the master key from now on.
        const key = await packages.key(name)
        if (key !== undefined && isUploadKey(key)) await packages.changeKey(name, key, vault.adopt(await packages.get(name), key))
      }
      return renamed(request, (sum) => names.get(sum) ?? sum)
    },
  }
}

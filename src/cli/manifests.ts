import { TelpherError } from '../model/errors.ts'

/** Says at once that a folder has nothing to apply, before it is uploaded. @throws TelpherError empty_package */
export const manifestsIn = (files: readonly string[], path: string): void => {
  if (!files.some((file) => /\.(?:ya?ml|json)$/i.test(file)))
    throw new TelpherError('empty_package', `there is no Kubernetes object in ${path} (.yaml, .yml, .json)`, { field: path })
}

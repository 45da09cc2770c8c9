import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { catalogue } from '../../cli/catalogue.ts'
import { execImages, readVersion } from '../../model/image.ts'
import { architectures } from '../paths.ts'
import { versions } from './versions.ts'

const goMod = (folder: string): string => readFileSync(new URL(`../modules/${folder}/go.mod`, import.meta.url), 'utf8')

test('the default image has the tools of the sandbox', () => {
  expect(execImages[0]).toMatchObject({ kubectl: versions.kubernetes, helm: versions.helm })
})

test.each([...new Set(execImages.map(({ kubectl }) => kubectl))])('kubectl %s is built from a module that pins it', (version) => {
  const own = `kubectl-1.${readVersion(version)?.minor}`
  const text = goMod(existsSync(new URL(`../modules/${own}`, import.meta.url)) ? own : 'kubernetes')
  expect(text).toContain(`k8s.io/kubernetes v${version}\n`)
  expect(text).toContain(`k8s.io/kubectl => k8s.io/kubectl v0${version.slice(1)}\n`)
})

test('the architectures of the command line are those that can be built', () => {
  const build = catalogue.find(({ path }) => path.join(' ') === 'image build')
  expect(build?.options?.find(({ flags }) => flags.startsWith('--arch'))?.choices).toEqual(architectures)
})

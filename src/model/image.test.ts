import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  chooseImage,
  coveredMinors,
  defaultImage,
  execImages,
  findImage,
  howToGet,
  imageFacts,
  imageTag,
  readVersion,
  skewWarning,
} from './image.ts'

const chosen = (server: string | undefined, helm?: 3 | 4): readonly string[] =>
  chooseImage(server, helm).tags.map((tag) => tag.replace('telpher/exec:', ''))

describe('versions of servers', () => {
  test.each([
    ['v1.34.4', 34],
    ['1.33', 33],
    ['v1.33.4-gke.100', 33],
    ['v1.34.2+k3s1', 34],
    ['v1.32.9-eks-3025e55', 32],
    ['v1.36.0-rc.1', 36],
    ['v1.35.1+rke2r1', 35],
    ['v1.29.6+aba1e8d', 29],
    ['v1.37.0-alpha.2.145+3c4b', 37],
    [' v1.34.4\n', 34],
  ])('%s', (text, minor) => expect(readVersion(text)).toEqual({ major: 1, minor }))

  test.each(['', 'latest', 'v1', 'v1.x', 'one.34', '1.34abc', 'v1.99999.0', 'vv1.34.0', '-1.34'])('%j is none', (text) =>
    expect(readVersion(text)).toBeUndefined(),
  )

  test('what cannot be read never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => chooseImage(text).tags[0] === imageTag(chooseImage(text).best)))
  })
})

describe('the choice', () => {
  test.each([
    ['v1.33.4-gke.100', 'k1.34-h4'],
    ['v1.34.2+k3s1', 'k1.34-h4'],
    ['v1.35.0', 'k1.34-h4'],
    ['v1.36.3', 'k1.36-h4'],
    ['v1.37.2-eks-1', 'k1.36-h4'],
  ])('%s runs in %s, without a warning', (server, image) => {
    expect(chosen(server)[0]).toBe(image)
    expect(chooseImage(server).warning).toBeUndefined()
  })

  test('where two cover the server, either does', () => {
    expect(chosen('v1.35.0')).toEqual(['k1.34-h4', 'k1.36-h4'])
    expect(chosen('v1.34.4')).toEqual(['k1.34-h4'])
  })

  test('a step that needs helm 3 gets it', () => {
    expect(chosen('v1.34.4', 3)).toEqual(['k1.34-h3'])
    expect(chosen('v1.36.0', 3)).toEqual(['k1.36-h3'])
    expect(chosen(undefined, 3)).toEqual(['k1.34-h3'])
  })

  test.each([
    ['v1.31.9', 'k1.34-h4', 'kubectl 1.34 is 3 minor versions newer than the server (v1.31.9)'],
    ['v1.32.0-gke.1', 'k1.34-h4', 'kubectl 1.34 is 2 minor versions newer than the server (v1.32.0-gke.1)'],
    ['v1.38.0', 'k1.36-h4', 'kubectl 1.36 is 2 minor versions older than the server (v1.38.0)'],
    ['v1.9.11', 'k1.34-h4', 'kubectl 1.34 is 25 minor versions newer'],
  ])('outside the window, %s runs in %s and is told what may break', (server, image, warning) => {
    expect(chosen(server)).toEqual([image])
    expect(chooseImage(server).warning).toContain(warning)
  })

  test('a server that does not say its version gets the default image and a warning', () => {
    expect(chosen(undefined)).toEqual(['k1.34-h4'])
    expect(chooseImage(undefined).warning).toContain('the server does not say its version')
    expect(chooseImage('master').warning).toContain('says the version "master"')
    expect(chooseImage('v2.0.0').warning).toContain('"v2.0.0"')
  })

  test('a warning quotes no more of a server than is useful', () => {
    expect(chooseImage('x'.repeat(5000)).warning?.length).toBeLessThan(250)
  })
})

describe('the images', () => {
  test('every minor from 1.33 to 1.37 is covered with helm 4 and with helm 3, and nothing else is claimed', () => {
    for (const helm of [3, 4] as const) {
      const without = Array.from({ length: 50 }, (_, minor) => minor).filter(
        (minor) => chooseImage(`v1.${minor}.0`, helm).warning === undefined,
      )
      expect(without).toEqual([33, 34, 35, 36, 37])
    }
  })

  test('names say what is in them', () => {
    for (const { name, kubectl, helm } of execImages) expect(name).toBe(`k${kubectl.replace(/\.\d+$/, '')}-h${helm[0]}`)
  })

  test('the page about them has this table', () => {
    const page = readFileSync(new URL('../../docs/how-to/execution-images.md', import.meta.url), 'utf8')
    const rows = execImages.map((image) => {
      const { from, to } = coveredMinors(image)
      const usual = imageTag(image) === defaultImage ? ' (default)' : ''
      return `| \`${image.name}\`${usual} | ${image.kubectl} | ${image.helm} | 1.${from} to 1.${to} |`
    })
    expect(page.split('\n').filter((line) => line.startsWith('| `k'))).toEqual(rows)
  })

  test('windows are those of kubectl and of helm together', () => {
    expect(coveredMinors({ kubectl: '1.34.4', helmMinor: 36 })).toEqual({ from: 33, to: 35 })
    expect(coveredMinors({ kubectl: '1.36.3', helmMinor: 36 })).toEqual({ from: 35, to: 36 })
    expect(coveredMinors({ kubectl: '1.34.4', helmMinor: 38 })).toEqual({ from: 35, to: 35 })
  })

  test('are found by name and by tag', () => {
    expect(findImage('k1.36-h3')).toBe(findImage('telpher/exec:k1.36-h3'))
    expect(findImage('registry.example/tools:1')).toBeUndefined()
    expect(defaultImage).toBe(imageTag({ name: 'k1.34-h4' }))
  })

  test('one that is missing comes with the line that gets it', () => {
    expect(howToGet('telpher/exec:k1.36-h4')).toContain('telpher image build k1.36-h4')
    expect(howToGet('registry.example/tools:1')).toContain('docker pull registry.example/tools:1')
  })
})

test('an image says its tools by labels, and what is no version is not believed', () => {
  expect(imageFacts('sha256:1', { 'telpher.kubectl': '1.34.4', 'telpher.helm': '3.21.4', other: 'x' })).toEqual({
    id: 'sha256:1',
    kubectl: '1.34.4',
    helm: '3.21.4',
  })
  expect(imageFacts('sha256:1', { 'telpher.kubectl': 'newest', 'telpher.helm': '' })).toEqual({ id: 'sha256:1' })
})

test('the kubectl of an own image is judged like ours', () => {
  expect(skewWarning('1.30.2', 'v1.31.0')).toBeUndefined()
  expect(skewWarning('1.30.2', 'v1.34.4')).toContain('4 minor versions older')
})

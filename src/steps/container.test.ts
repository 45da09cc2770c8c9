import { expect, test } from 'vitest'
import { TelpherError } from '../model/errors.ts'
import type { Step } from '../model/step.ts'
import { imagesFor, mustBeAllowed, mustHaveHelm, openFirst, reopenFor, toolsOf, warningFor } from './container.ts'
import type { StepSession } from './session.ts'

const step = (more: Record<string, unknown> = {}): Step => ({ name: 'web', kind: 'apply', ...more }) as unknown as Step
const chart = (more: Record<string, unknown> = {}): Step => step({ kind: 'helm', ...more })

/** An engine that has these images; what it started, and what was disposed of again. */
const engine = (...has: string[]) => {
  const started: string[] = []
  const disposed: string[] = []
  const open = async (image: string): Promise<StepSession> => {
    if (!has.includes(image)) throw new TelpherError('image_missing', `${image} is not here`)
    started.push(image)
    return { dispose: async () => void disposed.push(image) } as unknown as StepSession
  }
  return { open, started, disposed }
}

const settled = async <T>(work: Promise<T>): Promise<PromiseSettledResult<T>> => {
  const [result] = await Promise.allSettled([work])
  return result
}

test("the step's own image counts before the worker's, and that before the one for the server", () => {
  expect(imagesFor(step({ image: 'own:1' }), 'fixed:1', 'v1.36.0').images).toEqual(['own:1'])
  expect(imagesFor(step(), 'fixed:1', 'v1.36.0').images).toEqual(['fixed:1'])
  expect(imagesFor(step(), undefined, 'v1.36.0').images).toEqual(['telpher/exec:k1.36-h4'])
  expect(imagesFor(step(), undefined, undefined).images).toEqual(['telpher/exec:k1.34-h4'])
})

test('a chart that needs helm 3 gets an image that has it; manifests need none', () => {
  expect(imagesFor(chart({ helmVersion: 3 }), undefined, 'v1.36.0').images).toEqual(['telpher/exec:k1.36-h3'])
  expect(imagesFor(chart(), undefined, 'v1.36.0').images).toEqual(['telpher/exec:k1.36-h4'])
})

test('where several images are right, one that is there is taken', async () => {
  const { images } = imagesFor(step(), undefined, 'v1.35.2')
  const { open } = engine('telpher/exec:k1.36-h4')
  expect((await openFirst(images, open)).image).toBe('telpher/exec:k1.36-h4')
  await expect(openFirst(images, engine().open)).rejects.toThrow('telpher/exec:k1.34-h4 is not here')
})

test('other trouble than a missing image is not met with another image', async () => {
  const broken = async (): Promise<StepSession> => {
    throw new TelpherError('docker_unreachable', 'no engine')
  }
  await expect(openFirst(['a', 'b'], broken)).rejects.toMatchObject({ code: 'docker_unreachable' })
  const early = await settled(openFirst(['a'], broken))
  await expect(reopenFor({ images: ['b'] }, early, engine('b').open)).rejects.toMatchObject({ code: 'docker_unreachable' })
})

test('a container that was begun for another version is given up for the right one', async () => {
  const { open, disposed } = engine('old', 'new')
  const early = await settled(openFirst(['old'], open))
  expect((await reopenFor({ images: ['new'] }, early, open)).image).toBe('new')
  expect(disposed).toEqual(['old'])
})

test('one that is right stays, and no second one is started', async () => {
  const { open, started, disposed } = engine('old', 'new')
  const early = await settled(openFirst(['old'], open))
  expect((await reopenFor({ images: ['new', 'old'] }, early, open)).image).toBe('old')
  expect({ started, disposed }).toEqual({ started: ['old'], disposed: [] })
})

test('a guess that is not on the host does not matter once the version is known', async () => {
  const { open } = engine('new')
  const early = await settled(openFirst(['guess'], open))
  expect((await reopenFor({ images: ['new'] }, early, open)).image).toBe('new')
})

test('the kubectl that is in the image counts; without a word of it the choice does', () => {
  const chosen = { images: ['x'], warning: 'far apart' }
  expect(warningFor(chosen, { id: 'sha256:1', kubectl: '1.34.4' }, 'v1.34.0')).toBeUndefined()
  expect(warningFor({ images: ['x'] }, { id: 'sha256:1', kubectl: '1.29.0' }, 'v1.34.0')).toContain('5 minor versions older')
  expect(warningFor(chosen, { id: 'sha256:1' }, 'v1.34.0')).toBe('far apart')
  expect(warningFor({ images: ['x'] }, undefined, 'v1.34.0')).toBeUndefined()
})

test('a server outside the window is refused only where that was asked for', () => {
  expect(() => mustBeAllowed('far apart', 'warn')).not.toThrow()
  expect(() => mustBeAllowed(undefined, 'refuse')).not.toThrow()
  expect(() => mustBeAllowed('far apart', 'refuse')).toThrow(expect.objectContaining({ code: 'version_skew', message: 'far apart' }))
})

test('a plan for one helm does not run with another', () => {
  const three = { id: 'sha256:1', helm: '3.21.4' }
  expect(() => mustHaveHelm(chart(), 'own:1', three)).toThrow('the image own:1 has helm 3.21.4, and step web runs helm 4')
  expect(() => mustHaveHelm(chart({ helmVersion: 3 }), 'own:1', three)).not.toThrow()
  expect(() => mustHaveHelm(chart(), 'own:1', { id: 'sha256:1' })).not.toThrow()
  expect(() => mustHaveHelm(step(), 'own:1', three)).not.toThrow()
})

test('what a step ran with is written down as far as it is known', () => {
  expect(toolsOf('own:1', undefined, undefined)).toEqual({ image: 'own:1' })
  expect(toolsOf('own:1', { id: 'sha256:1', kubectl: '1.34.4', helm: '4.2.4' }, 'v1.34.4')).toEqual({
    image: 'own:1',
    imageId: 'sha256:1',
    kubectl: '1.34.4',
    helm: '4.2.4',
    server: 'v1.34.4',
  })
})

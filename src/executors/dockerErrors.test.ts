import { describe, expect, test } from 'vitest'
import { TelpherError } from '../model/errors.ts'
import { dockerError, engineSentence, isUnreachable } from './dockerErrors.ts'

const answered = (statusCode: number, message: string) =>
  Object.assign(new Error(`(HTTP code ${statusCode}) server error - ${message} `), { statusCode, json: { message } })

describe('dockerError', () => {
  test('says what the engine said, without the frame of the library', () => {
    const error = dockerError(answered(500, 'OCI runtime create failed: no'), 'start the container')
    expect(error).toMatchObject({ code: 'container_start', message: 'Docker could not start the container: OCI runtime create failed: no' })
  })

  test.each(['ECONNREFUSED', 'ENOENT', 'EACCES', 'ECONNRESET', 'EPIPE', 'ABORT_ERR'])('%s is an engine that does not answer', (code) => {
    const thrown = Object.assign(new Error('x'), { code })
    expect(isUnreachable(thrown)).toBe(true)
    expect(dockerError(thrown, 'start', 'container_lost').code).toBe('docker_unreachable')
  })

  test('a TelpherError stays what it is', () => {
    const error = new TelpherError('container_deviates', 'x')
    expect(dockerError(error, 'start')).toBe(error)
  })

  test.each([undefined, null, 'text', 7, {}])('takes whatever is thrown: %j', (thrown) => {
    expect(dockerError(thrown, 'start').code).toBe('container_start')
    expect(engineSentence(thrown)).toBe(String(thrown))
  })
})

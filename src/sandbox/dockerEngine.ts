import { get } from 'node:http'
import Docker from 'dockerode'

/** A client of the engine behind a unix socket; nothing is taken from the environment. */
export const connectDocker = (socketPath: string): Docker => new Docker({ socketPath })

/** Whether an engine answers there within 2 s. */
export const engineAnswers = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const asked = get({ socketPath, path: '/_ping', timeout: 2000, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(false))
  })

/** The socket that the docker command of this user would take. An engine over TCP is left alone: volumes and images are meant for this machine. */
export const usualSocket = (): string => {
  const host = process.env['DOCKER_HOST'] ?? ''
  return host.startsWith('unix://') ? host.slice('unix://'.length) : '/var/run/docker.sock'
}

import { request } from 'node:http'

/**
 * Waits until a started container has ended.
 * Written out rather than left to the library: the engine sends the head of this answer at once and the rest at the end,
 * and the library never settles when the engine dies in between.
 * @param socketPath the engine's socket
 * @param id the container
 * @returns its exit code
 * @throws what the socket throws, or an Error with `statusCode` and `json` as dockerode's
 */
export const engineWait = (socketPath: string, id: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const path = `/containers/${encodeURIComponent(id)}/wait`
    const asked = request({ socketPath, path, method: 'POST', headers: { Host: 'docker', 'Content-Length': 0 }, agent: false })
    asked.on('error', reject)
    asked.on('response', (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => {
        text += part
      })
      answer.on('error', reject)
      answer.on('close', () => {
        if (!answer.complete) return reject(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }))
        const { StatusCode, message } = read(text)
        if (StatusCode !== undefined) return resolve(StatusCode)
        reject(Object.assign(new Error(message ?? text), { statusCode: answer.statusCode, json: { message } }))
      })
    })
    asked.end()
  })

const read = (text: string): { StatusCode?: number; message?: string } => {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

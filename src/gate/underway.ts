import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { TelpherError } from '../model/errors.ts'

/**
 * The requests of a gate that are under way. A set of our own rather than AbortSignal.any for each: that takes longer than
 * to decide about the request.
 * @param over ends all of them
 * @returns gives a request's signal: aborted with `over`, and when its stream closes before it was done with
 */
export const createUnderWay = (over: AbortSignal): ((stream: Duplex | ServerResponse) => AbortSignal) => {
  const open = new Set<AbortController>()
  over.addEventListener('abort', () => {
    for (const one of open) one.abort(over.reason)
    open.clear()
  })
  return (stream) => {
    const one = new AbortController()
    if (over.aborted) one.abort(over.reason)
    else open.add(one)
    stream.once('close', () => {
      open.delete(one)
      if (!stream.writableFinished) one.abort(new TelpherError('gate_closed', 'the client ended its request'))
    })
    return one.signal
  }
}

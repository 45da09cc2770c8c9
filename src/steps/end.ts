import { type ErrorCode, errorTable, type TelpherError } from '../model/errors.ts'
import type { LedgerEntry } from '../model/ledger.ts'
import type { JobEnd } from '../model/states.ts'
import type { Step } from '../model/step.ts'
import type { FailureClass, ObjectProgress, Verdict } from '../model/verdict.ts'
import type { GateRefusal, StepExit } from './session.ts'

const described = (object: ObjectProgress): string =>
  `${object.ref.kind ?? object.ref.resource} ${object.ref.name}: ${object.assessment.message}`

/** The API server's refusals keep their code, whether it refused the object or the pods made from it. */
const codeOfFailure = (found: FailureClass | undefined): ErrorCode => {
  if (found === 'quota_exceeded' || found === 'admission_denied') return found
  return 'verify_failed'
}

/**
 * The end that a verdict comes to, with the object that it waited for when time ran out.
 * @param deadline what was over then, such as `the deadline of 30 s`
 */
export const endOfVerdict = (verdict: Verdict, deadline: string): JobEnd => {
  if (verdict.outcome === 'current') {
    const count = verdict.objects.length
    return { status: 'succeeded', sentence: `${count} ${count === 1 ? 'object is' : 'objects are'} current` }
  }
  if (verdict.outcome === 'failed')
    return { status: 'failed', code: codeOfFailure(verdict.failure?.class), sentence: verdict.failure?.sentence ?? 'an object failed' }
  const waiting = verdict.objects.filter((object) => object.assessment.status !== 'Current')
  const blocker = verdict.failure?.sentence ?? (waiting[0] === undefined ? 'the verdict' : described(waiting[0]))
  const others = waiting.length > 1 ? ` and ${waiting.length - 1} more` : ''
  return {
    status: 'timed_out',
    code: 'deadline_passed',
    sentence: `${deadline} passed while verifying, waiting for ${blocker}${others}`,
  }
}

/** Codes of targets that are the deployment's own fault. */
const failures: readonly ErrorCode[] = ['helm_pending', 'job_oom', 'target_forbidden']

/** The end of an attempt that could not do its work: the deployment's fault is a failure, ours an error. */
export const endOfThrown = (error: TelpherError, phase: string): JobEnd => ({
  status: failures.includes(error.code) || error.fault === 'user' ? 'failed' : 'errored',
  code: error.code,
  // What is wrong with a package or a target is so at any time; trouble of ours may lie with what was being done.
  sentence: error.fault === 'user' ? error.message : `${error.message} (while ${phase})`,
})

/** What an attempt's program left behind. */
export interface Ended {
  readonly step: Step
  readonly exit: StepExit
  /** The last lines of standard error. */
  readonly errors: string
  readonly writes: readonly LedgerEntry[]
  readonly refusals: readonly GateRefusal[]
}

/** Helm says these before anything is written (helm: pkg/engine, pkg/chart, pkg/action). */
const renderFailures =
  /template: |parse error|YAML parse error|execution error at|values don't meet the specifications|unable to build kubernetes objects|chart requires kubeVersion|found in Chart.yaml, but missing|validation: chart|cannot load values/
const helmBusy = /another operation \(install\/upgrade\/rollback\) is in progress/
const forbidden = /\bforbidden\b/i
/** What kubectl and helm make of a 401 (k8s.io/kubectl: pkg/cmd/util; client-go: apierrors). */
const unauthorized = /must be logged in to the server|asked for the client to provide credentials/
/** An answer that broke off in its middle (client-go: rest/request.go, transformResponse): the way broke, and nothing was refused. */
const brokenAnswer = /(?:unexpected|stream) error when reading response body/

const codeOfRefusal = ({ code, reason = '', message = '' }: LedgerEntry): ErrorCode => {
  if (/exceeded quota/.test(message)) return 'quota_exceeded'
  if (/admission webhook|denied (?:the )?request|ValidatingAdmissionPolicy/i.test(message)) return 'admission_denied'
  if (code === 422 && /immutable/.test(message)) return 'immutable_field'
  if (/field not declared in schema|strict decoding error/.test(message)) return 'invalid_manifest'
  if (code === 401) return 'target_unauthorized'
  if (code === 403 || reason === 'Forbidden') return 'target_forbidden'
  return 'apply_failed'
}

/** Where the author's files lie in the container (apply.ts); he knows them by their own paths. */
const placesOfOurs = /\/work\/manifests\/(?:[a-z]+\/)?\d{5}\//g

const lastError = (errors: string): string => {
  const lines = errors.split('\n').filter((line) => line.trim() !== '')
  const said = lines.findLast((line) => /^error\b/i.test(line)) ?? lines.at(-1)
  return (said ?? '')
    .replace(/^error:\s*/i, '')
    .replaceAll(placesOfOurs, '')
    .slice(0, 1000)
}

/** The API server lists conflicts and causes line by line. */
const inOneLine = (message: string): string =>
  message
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ')
    .slice(0, 1000)

const howItEnded = (exit: StepExit): string => (exit.signal === null ? `exit code ${exit.code}` : exit.signal)

const codeOf = ({ step, errors, writes, refusals }: Ended): { code: ErrorCode; message?: string | undefined } => {
  const refusal = refusals.at(-1)
  if (refusal !== undefined) return { code: refusal.code, message: refusal.message }
  const answer = writes.findLast((write) => write.code >= 400)
  if (answer !== undefined) return { code: codeOfRefusal(answer), message: answer.message }
  if (step.kind === 'helm' && renderFailures.test(errors)) return { code: 'chart_invalid' }
  if (step.kind === 'helm' && helmBusy.test(errors)) return { code: 'helm_pending' }
  if (unauthorized.test(errors)) return { code: 'target_unauthorized' }
  if (forbidden.test(errors)) return { code: 'target_forbidden' }
  if (brokenAnswer.test(errors)) return { code: 'target_error' }
  return { code: step.kind === 'helm' ? 'helm_failed' : 'apply_failed' }
}

/**
 * The end of an attempt whose program did not end well. The class comes from what the gate refused and the API server
 * answered; only where neither says anything from the program's own words.
 */
export const endOfExit = (ended: Ended): JobEnd => {
  const program = ended.step.kind === 'helm' ? 'helm' : 'kubectl'
  if (ended.exit.oom) return { status: 'failed', code: 'job_oom', sentence: `${program} ran out of memory (${howItEnded(ended.exit)})` }
  const { code, message } = codeOf(ended)
  const said = message === undefined ? lastError(ended.errors) : inOneLine(message)
  const sentence = said === '' ? `${program} ended with ${howItEnded(ended.exit)}` : said
  const [, fault, passes] = errorTable[code]
  // A way to the target that broke under a write is no more the deployment's fault than an engine that did.
  const isOurs = fault === 'infrastructure' || (fault === 'target' && passes && !failures.includes(code))
  return { status: isOurs ? 'errored' : 'failed', code, sentence }
}

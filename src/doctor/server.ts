import { type Finding, fail, ok, warn } from './finding.ts'

const slowMs = 1000

/** Check that the server answers. @param ms time of its answer */
export const judgeServer = (url: string, ms: number): Finding => {
  const seen = `${url} answered after ${ms} ms`
  return ms > slowMs ? warn('server', seen, `curl -w '%{time_total}\\n' ${url}/livez   (see where the time goes)`) : ok('server', seen)
}

/** Check that it could not be asked. @param trouble what went wrong @param hint what its error code advises */
export const judgeNoServer = (trouble: string, hint: string): Finding => fail('server', trouble, hint)

/** Major and minor decide; a patch is understood by every other one. */
const series = (version: string): string => version.split('.').slice(0, 2).join('.')

/** Check of the versions of both sides. */
export const judgeVersions = (cli: string, server: string): Finding => {
  const seen = `command line ${cli}, server ${server}`
  return series(cli) === series(server)
    ? ok('server-version', seen)
    : warn('server-version', seen, `npm install --global telpher@${server}`)
}

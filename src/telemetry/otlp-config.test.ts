import { expect, test } from 'vitest'
import { readOtlp } from './otlp-config.ts'

test('nothing is sent unless an endpoint is named, and nothing when the SDK is disabled', () => {
  expect(readOtlp({})).toBeUndefined()
  expect(readOtlp({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBeUndefined()
  expect(readOtlp({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' })).toBeUndefined()
  expect(
    readOtlp({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' }),
  ).toBeUndefined()
})

test('the standard variables are read, and one signal may go elsewhere', () => {
  expect(
    readOtlp({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example:4318/otlp/',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://metrics.example/push',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=a%20b, x-other = c=d',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=prod,service.name=other',
      OTEL_SERVICE_NAME: 'deployer',
    }),
  ).toEqual({
    tracesUrl: 'https://collector.example:4318/otlp/v1/traces',
    metricsUrl: 'http://metrics.example/push',
    headers: { 'x-tenant': 'a b', 'x-other': 'c=d' },
    timeoutMs: 500,
    intervalMs: 60_000,
    delayMs: 5000,
    resource: { 'service.name': 'deployer', 'deployment.environment.name': 'prod' },
  })
})

test.each([
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
  [{ OTEL_EXPORTER_OTLP_TIMEOUT: '10s' }, 'OTEL_EXPORTER_OTLP_TIMEOUT'],
  [{ OTEL_RESOURCE_ATTRIBUTES: 'nothing' }, 'OTEL_RESOURCE_ATTRIBUTES'],
  [{ OTEL_EXPORTER_OTLP_HEADERS: 'key=%E0%A4%A' }, 'OTEL_EXPORTER_OTLP_HEADERS'],
])('%o is refused by the name of its variable', (env, field) => {
  expect(() => readOtlp({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', ...env })).toThrow(
    expect.objectContaining({ code: 'invalid_input', field }),
  )
})

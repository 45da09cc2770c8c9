import { expect, test } from 'vitest'
import { secretValuesOf } from './secret-values.ts'

const values = (...texts: string[]): string[] => secretValuesOf(new Map(texts.map((text, index) => [`${index}.yaml`, Buffer.from(text)])))

test('the values of every Secret in a package are found, and nothing else', () => {
  const secret = 'apiVersion: v1\nkind: Secret\nmetadata: { name: a }\nstringData: { pin: "one-value" }\n'
  const list = `apiVersion: v1\nkind: List\nitems:\n- { kind: Secret, data: { a: ${Buffer.from('two-value').toString('base64')} } }\n- { kind: ConfigMap, data: { a: Secret } }\n`
  const map = 'kind: ConfigMap\nmetadata: { name: Secret }\ndata: { a: not-this }\n'
  expect(values(`${map}---\n${secret}`, list, JSON.stringify({ kind: 'SecretList', items: [{ stringData: { a: 'three' } }] }))).toEqual([
    'one-value',
    'two-value',
    'three',
  ])
})

test('what is no YAML, such as a chart’s template, is passed over', () => {
  expect(values('kind: Secret\n{{- range .Values.all }}\n', 'Secret: [', '')).toEqual([])
})

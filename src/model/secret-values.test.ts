import { expect, test } from 'vitest'
import { secretValuesIn } from './secret-values.ts'

const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64')

test.each<readonly [string, unknown, string[]]>([
  ['data, as text', { kind: 'Secret', data: { a: base64('correct horse\n') } }, ['correct horse']],
  ['data that is no text, as its base64', { data: { a: base64(Uint8Array.of(255, 0, 254, 1)) } }, ['/wD+AQ==']],
  ['data that is no base64, as it is', { data: { a: 'hunter-2-hunter' } }, ['hunter-2-hunter']],
  ['data in several lines', { data: { a: 'Y29ycmVj\ndCBob3JzZQ==\n' } }, ['correct horse']],
  ['text', { stringData: { a: 'battery staple', b: 4711 } }, ['battery staple', '4711']],
  ['each of a list', { kind: 'SecretList', items: [{ data: { a: base64('one') } }, { stringData: { a: 'two' } }] }, ['one', 'two']],
  [
    'a JSON patch',
    [
      { op: 'add', path: '/data/a', value: base64('one') },
      { op: 'replace', path: '/stringData', value: { b: 'two' } },
      { op: 'add', path: '/metadata/labels/a', value: 'label' },
    ],
    ['one', 'two'],
  ],
  ['nothing of the records of helm', { type: 'helm.sh/release.v1', data: { release: base64('H4sIAAAA') } }, []],
  ['nothing of what is empty', { data: { a: '', b: null }, stringData: null }, []],
  ['nothing of what is no object', 'text', []],
])('takes %s', (_, object, values) => expect(secretValuesIn(object)).toEqual(values))

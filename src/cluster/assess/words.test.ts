import { expect, test } from 'vitest'
import { meaningOf, meaningOfSentence, wordsOf } from './words.ts'

test.each([
  ['UpdateFailed', ['update', 'failed']],
  ['DEPLOYED_NOT_READY', ['deployed', 'not', 'ready']],
  ['ACMEAccountRegistered', ['acme', 'account', 'registered']],
  ['in-sync', ['in', 'sync']],
  ['', []],
])('%s is read as words', (text, words) => {
  expect(wordsOf(text)).toEqual(words)
})

test.each([
  ['Running', 'good'],
  ['HEALTH_OK', 'good'],
  ['UpToDate', 'good'],
  ['NewReplicaSetAvailable', 'good'],
  ['NoErrors', 'good'],
  ['Provisioning', 'busy'],
  ['DEPLOYED_NOT_READY', 'busy'],
  ['not yet available', 'busy'],
  ['Waiting for Pods to be ready', 'busy'],
  ['ConfigOutOfSync', 'busy'],
  ['InProgress', 'busy'],
  ['UpdateFailed', 'bad'],
  ['NotFound', 'bad'],
  ['NoMatchingParent', 'bad'],
  ['ListenerNotAccepted', 'bad'],
  ['HEALTH_WARN', 'bad'],
  ['TimedOut', 'bad'],
  ['PausedByUser', 'paused'],
  ['Hibernated', 'paused'],
  ['Unknown', 'unknown'],
  ['routing', undefined],
  ['Frobnicated', undefined],
  ['', undefined],
])('%s means %s', (text, meaning) => {
  expect(meaningOf(text)).toBe(meaning)
})

test('remembers no more words than it should', () => {
  for (let i = 0; i < 10_000; i++) meaningOf(`Word${i}`)
  expect(meaningOf('Ready')).toBe('good')
})

test.each([
  ['Error: checksum mismatch', 'bad'],
  ['secret "x" not found', 'bad'],
  ['Waiting for the database: it failed its check once', 'busy'],
  ['still being programmed', 'busy'],
  ['the moon is full', undefined],
])('the sentence "%s" says %s', (sentence, meaning) => {
  expect(meaningOfSentence(sentence)).toBe(meaning)
})

import { expect, test } from 'vitest'
import { strictFields } from './query.ts'

test.each([
  ['/apis/apps/v1/namespaces/a/deployments/b?fieldManager=x&fieldValidation=Ignore&force=false', '&fieldValidation=Strict&force'],
  ['/api/v1/namespaces?fieldValidation=Warn', '?fieldValidation=Strict'],
])('%s asks for the strict check', (url, part) => {
  expect(strictFields(url)).toContain(part)
})

test.each([
  '/api/v1/pods',
  '/api/v1/pods?fieldValidation=Strict',
  '/api/v1/pods?xfieldValidation=Ignore',
  '/api/v1/pods?fieldValidation=Ignored',
])('%s stays as it is', (url) => {
  expect(strictFields(url)).toBe(url)
})

import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { withoutQuote } from './text.ts'

const planted = 'hunter2-hunter2'
const said = (text: string): string[] => {
  const documents = [...parseAllDocuments(text, { prettyErrors: false, logLevel: 'silent' })]
  const errors: Error[] = documents.flatMap((document) => document.errors)
  for (const document of documents)
    try {
      document.toJS()
    } catch (thrown) {
      if (thrown instanceof Error) errors.push(thrown)
    }
  try {
    JSON.parse(text)
  } catch (thrown) {
    if (thrown instanceof Error) errors.push(thrown)
  }
  return errors.map(({ message }) => message)
}

test.each([
  `password: *${planted}`,
  `password: |${planted}\n  x`,
  `password: > ${planted}\n  x`,
  `a: 1\n}${planted}`,
  `a: [${planted}`,
  `{"password": ${planted}}`,
  `{"a": 1, "password": "x" "${planted}`,
])('a parser’s sentence about %j says nothing of the value', (text) => {
  const sentences = said(text)
  expect(sentences.length).toBeGreaterThan(0)
  for (const sentence of sentences) {
    expect(withoutQuote(sentence)).not.toContain('hunter2')
    expect(withoutQuote(sentence).length).toBeGreaterThan(10)
  }
})

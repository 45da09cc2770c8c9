import { expect, test } from 'vitest'
import { createOutbox } from './outbox.ts'

test('a letter is followed by some without frames, by which its loss is seen although one of them is lost too', async () => {
  const sent: number[] = []
  const outbox = createOutbox(
    async (_, bytes) => {
      sent.push(bytes.length)
      return true
    },
    () => {},
  )
  const looks = async (): Promise<void> => {
    for (let look = 0; look < 10; look++) {
      outbox.look()
      await outbox.settled()
    }
  }
  await looks()
  expect(sent).toEqual([])
  outbox.push(Buffer.from('frame'))
  await outbox.settled()
  await looks()
  expect(sent).toEqual([5, 0, 0, 0])
})

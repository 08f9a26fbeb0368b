import { expect, test } from 'vitest'
import { createBodyFloor } from '../../gateway/body-floor.ts'

function incomingBody() {
  const socket = { bytesRead: 0 }
  const body = { complete: false, destroyed: false, readableLength: 0, socket, destroy: () => undefined }
  return Object.assign(body, {
    destroy: () => {
      body.destroyed = true
    },
  })
}

test('security: a body that brings less than the floor between two checks is ended, one at the floor is not', () => {
  const floor = createBodyFloor(100)
  const [slow, steady] = [incomingBody(), incomingBody()]
  for (const body of [slow, steady]) floor.watch(body)
  for (let check = 0; check < 5; check += 1) {
    floor.check()
    expect([slow.destroyed, steady.destroyed]).toEqual([check > 1, false])
    slow.socket.bytesRead += check === 0 ? 100 : 99
    steady.socket.bytesRead += 100
  }
})

test('security: nobody is judged before a whole interval has gone by', () => {
  const floor = createBodyFloor(100)
  const late = incomingBody()
  floor.watch(late)
  floor.check()
  expect(late.destroyed).toBe(false)
  floor.check()
  expect(late.destroyed).toBe(true)
})

test('security: while bytes wait to be read the gateway is the slow one, and a request that came whole is left alone', () => {
  const floor = createBodyFloor(100)
  const [waiting, whole, forgotten] = [incomingBody(), incomingBody(), incomingBody()]
  for (const body of [waiting, whole, forgotten]) floor.watch(body)
  floor.forget(forgotten)
  waiting.readableLength = 65_536
  whole.complete = true
  for (let check = 0; check < 3; check += 1) floor.check()
  expect([waiting.destroyed, whole.destroyed, forgotten.destroyed]).toEqual([false, false, false])
  waiting.readableLength = 0
  floor.check()
  expect(waiting.destroyed).toBe(true)
})

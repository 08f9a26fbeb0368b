import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createGivingWay } from '../../gateway/giving-way.ts'

const [patienceMs, sliceMs] = [50, 5]
let time = 0
beforeEach(() => {
  time = 0
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Whether a pause is over by now, and so the next slice of work runs. */
async function watch(pause: Promise<void>): Promise<{ isOver: boolean }> {
  const seen = { isOver: false }
  pause.then(() => {
    seen.isOver = true
  })
  await turn()
  return seen
}

const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))

test('without requests background work goes on at once', async () => {
  const { pause } = createGivingWay(patienceMs, sliceMs, () => time)
  expect(await watch(pause())).toEqual({ isOver: true })
})

test('it waits until the last request is over', async () => {
  const { enter, pause } = createGivingWay(patienceMs, sliceMs, () => time)
  const [leaveFirst, leaveSecond] = [enter(), enter()]
  const slice = await watch(pause())
  expect(slice.isOver).toBe(false)
  leaveFirst()
  leaveFirst()
  await turn()
  expect(slice.isOver).toBe(false)
  leaveSecond()
  await turn()
  expect(slice.isOver).toBe(true)
})

test('requests that never end delay it by its patience, slice by slice', async () => {
  const { enter, pause } = createGivingWay(patienceMs, sliceMs, () => time)
  enter()
  for (let slice = 0; slice < 3; slice += 1) {
    const seen = await watch(pause())
    vi.advanceTimersByTime(patienceMs - 1)
    await turn()
    expect(seen.isOver).toBe(false)
    vi.advanceTimersByTime(1)
    await turn()
    expect(seen.isOver).toBe(true)
    time += sliceMs
  }
})

test('pieces that are shorter than a slice wait once for each slice', async () => {
  const { enter, pause } = createGivingWay(patienceMs, sliceMs, () => time)
  enter()
  const first = await watch(pause())
  vi.advanceTimersByTime(patienceMs)
  await turn()
  expect(first.isOver).toBe(true)
  time += sliceMs - 1
  expect(await watch(pause())).toEqual({ isOver: true })
  time += 1
  expect(await watch(pause())).toEqual({ isOver: false })
})

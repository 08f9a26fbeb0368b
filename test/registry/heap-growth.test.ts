import { expect, test } from 'vitest'
import { growingPercent } from '../../gateway/heap-growth.ts'

const MiB = 1024 * 1024

test('a heap grows by a fifth before it is collected again, a small one by 32 MiB', () => {
  for (const heap of [20, 64, 160].map((size) => size * MiB)) {
    const step = (heap * growingPercent(heap)) / 100
    expect(step).toBeGreaterThanOrEqual(32 * MiB)
    expect(step).toBeLessThanOrEqual(32 * MiB + heap / 10)
  }
  for (const heap of [161, 1000, 4000]) expect(growingPercent(heap * MiB)).toBe(20)
  expect(growingPercent(0)).toBe(1000)
})

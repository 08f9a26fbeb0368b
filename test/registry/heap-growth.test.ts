import { expect, test } from 'vitest'
import { growingPercent } from '../../gateway/heap-growth.ts'

const MiB = 1024 * 1024

test('a large heap grows by a fifth before it is collected again, a small one as V8 thinks best', () => {
  expect([1, 20, 48].map((size) => growingPercent(size * MiB, 0))).toEqual([0, 0, 0])
  expect([49, 200, 4000].map((size) => growingPercent(size * MiB, 0))).toEqual([20, 20, 20])
})

test('a small one too while a whole list is read', () => {
  expect(growingPercent(20 * MiB, 1)).toBe(20)
})

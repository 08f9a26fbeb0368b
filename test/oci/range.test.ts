import { describe, expect, test } from 'vitest'
import { matchesEntityTag, parseChunkRange, parseRange, progressRange } from '../../gateway/oci/range.ts'

describe('end-2 Range of a GET (RFC 9110 section 14)', () => {
  test.each([
    ['bytes=500-1499', 5000, { first: 500, last: 1499 }],
    ['bytes=500-', 5000, { first: 500, last: 4999 }],
    ['bytes=-500', 5000, { first: 4500, last: 4999 }],
    ['bytes=2000-5000', 5000, { first: 2000, last: 4999 }],
    ['bytes=0-0', 5000, { first: 0, last: 0 }],
    ['bytes=-9000', 5000, { first: 0, last: 4999 }],
    ['Bytes=1-2 ', 5000, { first: 1, last: 2 }],
    ['bytes=0-99999999999999999999999999', 5, { first: 0, last: 4 }],
  ])('%s of %i bytes is one span', (header, size, span) => {
    expect(parseRange(header, size)).toEqual(span)
  })

  test.each([null, '', 'bytes=', 'bytes=-', 'bytes=a-b', 'items=0-1', 'bytes=0-1,3-4', 'bytes=1-2-3', '0-1'])(
    '%s is answered whole',
    (header) => {
      expect(parseRange(header, 5000)).toBe('whole')
    },
  )

  test.each(['bytes=5000-', 'bytes=5000-10000', 'bytes=500-0', 'bytes=-0'])(
    '%s of 5000 bytes is unsatisfiable',
    (header) => {
      expect(parseRange(header, 5000)).toBe('unsatisfiable')
    },
  )

  test('empty content is always whole', () => {
    expect(parseRange('bytes=0-', 0)).toBe('whole')
    expect(parseRange('bytes=-1', 0)).toBe('whole')
  })
})

describe('end-5 Content-Range of a chunk', () => {
  test.each([
    ['0-9', { first: 0, last: 9 }],
    ['7-7', { first: 7, last: 7 }],
    ['bytes 0-9/10', { first: 0, last: 9 }],
    ['bytes=0-9', { first: 0, last: 9 }],
  ])('%s is read', (header, span) => {
    expect(parseChunkRange(header)).toEqual(span)
  })

  test.each(['', '9-0', '-5', '5-', 'a-b', '0-9,10-11', '0-99999999999999999', '0 - 9', '0--1'])(
    '%s is refused',
    (header) => {
      expect(parseChunkRange(header)).toBeUndefined()
    },
  )
})

test('end-13 progress is 0-<last byte>, and 0-0 for an empty upload: Docker fails on 0--1', () => {
  expect([0, 1, 2, 1024].map(progressRange)).toEqual(['0-0', '0-0', '0-1', '0-1023'])
})

test('If-None-Match compares weakly, in lists too', () => {
  const yes = ['"a"', 'W/"a"', '"b", "a"', '*', ' "b" ,W/"a"']
  const no = [null, '', 'a', '"b"', '"a', 'w/"a"']
  expect(yes.map((header) => matchesEntityTag(header, '"a"'))).toEqual(yes.map(() => true))
  expect(no.map((header) => matchesEntityTag(header, '"a"'))).toEqual(no.map(() => false))
})

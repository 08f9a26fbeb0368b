import { expect, test } from 'vitest'
import { expectChunk, uploadHeaders } from '../../gateway/oci/upload.ts'

const progress = { location: '/v2/acme.eth/blobs/uploads/1f', uploadId: '1f', size: 10 }

test('end-5 a chunk begins where the upload is, and a stream says nothing', () => {
  expect(expectChunk(progress, '10-19', null)).toBe(10)
  expect(expectChunk(progress, '10-10', '1')).toBe(1)
  expect(expectChunk(progress, null, '5')).toBeUndefined()
})

test.each([
  ['11-19', null, 'begins at byte 11'],
  ['0-9', null, 'begins at byte 0'],
  ['10-19', '9', 'Content-Range has 10 bytes and Content-Length 9'],
  ['whatever', null, 'is not start-end'],
])('end-5 Content-Range %s with Content-Length %s is 416 with Location and Range', (range, length, message) => {
  const refuse = () => expectChunk(progress, range, length)
  expect(refuse).toThrow(message)
  expect(refuse).toThrow(expect.objectContaining({ status: 416, headers: uploadHeaders(progress) }))
})

test('the state of an upload is in the path of its Location', () => {
  expect(uploadHeaders(progress)).toEqual({
    location: '/v2/acme.eth/blobs/uploads/1f',
    range: '0-9',
    'docker-upload-uuid': '1f',
  })
})

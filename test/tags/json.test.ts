import { describe, expect, test } from 'vitest'
import { OciError } from '../../gateway/oci/error.ts'
import { parseStrictJson } from '../../gateway/oci/strict-json.ts'
import {
  entryToJson,
  headerToJson,
  parseEntryJson,
  parseListAnswer,
  parseListUpload,
  parseProofJson,
  parseSignedListJson,
  parseTimestampJson,
  signaturesToJson,
  timestampToJson,
} from '../../gateway/tags/json.ts'
import { type ListHeader, NO_DELEGATIONS, ZERO_HASH } from '../../gateway/tags/list.ts'
import { verifyWholeList } from '../../gateway/tags/verify.ts'
import { naiveProof, naivePublish, naiveRoot } from './naive.ts'
import { sampleEntry, sentinel } from './sample.ts'

const tags = ['b', 'a', 'c']
const slots = naivePublish(naivePublish([sentinel], [{ tag: 'b', entry: sampleEntry('b') }]), [
  { tag: 'c', entry: sampleEntry('c') },
  { tag: 'a', entry: sampleEntry('a') },
])
const list: ListHeader = {
  name: 'web.acme.eth',
  node: `0x${'0d'.repeat(32)}`,
  owner: `0x${'0a'.repeat(20)}`,
  epoch: 0n,
  version: 1n,
  previous: ZERO_HASH,
  root: naiveRoot(slots),
  count: 4n,
  delegations: NO_DELEGATIONS,
  issuedAt: 1_800_000_000n,
  expiresAt: 1_800_086_400n,
}
const signatures = [{ signer: list.owner, signature: `0x${'5a'.repeat(65)}` as const }]
const timestamp = { issuedAt: 1_800_000_000n, expiresAt: 1_800_003_600n, signature: '0x12' as const }
const hash = `0x${'cd'.repeat(32)}` as const

const head = { list: headerToJson(list), signatures: signaturesToJson(signatures) }
const entries = tags.map((tag) => ({ tag, ...entryToJson(sampleEntry(tag)) }))
const whole = { ...head, entries }
const changes = [
  { tag: 'a', entry: entryToJson(sampleEntry('a')) },
  { tag: 'b', entry: null },
]

function finish<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

const upload = (body: unknown) => finish(parseListUpload(typeof body === 'string' ? body : JSON.stringify(body)))

function refused(work: () => unknown, message: RegExp): void {
  let error: unknown
  try {
    work()
  } catch (caught) {
    error = caught
  }
  expect(error).toBeInstanceOf(OciError)
  expect((error as OciError).items[0]?.code).toBe('MANIFEST_INVALID')
  expect((error as OciError).message).toMatch(message)
}

describe('5 wire forms', () => {
  test('members stand in the order of the page, integers as numbers', () => {
    expect(JSON.stringify(headerToJson(list))).toBe(
      `{"name":"web.acme.eth","node":"${list.node}","owner":"${list.owner}","epoch":0,"version":1,"previous":"${ZERO_HASH}",` +
        `"root":"${list.root}","count":4,"delegations":"${NO_DELEGATIONS}","issuedAt":1800000000,"expiresAt":1800086400}`,
    )
    const { digest, swarmReference } = sampleEntry('a')
    expect(JSON.stringify(entryToJson(sampleEntry('a')))).toBe(
      `{"digest":"${digest}","size":401,"mediaType":"application/vnd.oci.image.manifest.v1+json","swarmReference":"${swarmReference}","updatedVersion":1,"flags":0}`,
    )
    expect(timestampToJson(null)).toBeNull()
    expect(JSON.stringify(timestampToJson(timestamp))).toBe(
      '{"issuedAt":1800000000,"expiresAt":1800003600,"signature":"0x12"}',
    )
  })

  test('what is written is read back', () => {
    expect(parseEntryJson(entryToJson(sampleEntry('a', { flags: 3 })))).toEqual(sampleEntry('a', { flags: 3 }))
    expect(parseTimestampJson(timestampToJson(timestamp))).toEqual(timestamp)
    expect(parseTimestampJson(null)).toBeNull()
    const answer = { ...head, hash, timestamp: timestampToJson(timestamp), tag: 'a', proof: naiveProof(slots, 'a') }
    const parsed = parseStrictJson(JSON.stringify(answer), { maxDepth: 8 }) as typeof answer
    expect(parseSignedListJson(parsed)).toEqual({ list, hash, signatures, timestamp })
    expect(parseProofJson(parsed.proof)).toEqual(naiveProof(slots, 'a'))
    expect(parseSignedListJson({ ...head, hash }).timestamp).toBeNull()
  })

  test('a list answer is read into linked slots', () => {
    const answer = { ...head, hash, timestamp: null, entries }
    expect(finish(parseListAnswer(JSON.stringify(answer)))).toEqual({
      signed: { list, hash, signatures, timestamp: null },
      slots,
    })
    refused(() => finish(parseListAnswer(JSON.stringify({ ...answer, more: 1 }))), /more" is unknown/)
    refused(() => finish(parseListAnswer(JSON.stringify({ ...head, hash, entries }))), /timestamp" is missing/)
    refused(() => finish(parseListAnswer(JSON.stringify({ ...head, hash, timestamp: null }))), /"entries" is missing/)
  })
})

describe('5 PUT list: the body', () => {
  test('a whole list becomes its slots, from text or bytes, in any order of members', () => {
    expect(upload(whole)).toEqual({ list, signatures, slots })
    expect(finish(parseListUpload(new TextEncoder().encode(JSON.stringify(whole))))).toEqual({
      list,
      signatures,
      slots,
    })
    expect(upload({ entries, ...head })).toEqual({ list, signatures, slots })
    const found = upload(whole)
    expect('slots' in found && finish(verifyWholeList(found.list, found.slots)).root).toBe(list.root)
  })

  test('changes', () => {
    expect(upload({ ...head, changes })).toEqual({
      list,
      signatures,
      changes: [
        { tag: 'a', entry: sampleEntry('a') },
        { tag: 'b', entry: null },
      ],
    })
  })

  test('unknown, missing and duplicate members at every level', () => {
    const text = JSON.stringify(whole)
    expect(upload(text)).toBeTruthy()
    refused(() => upload({ ...whole, more: 1 }), /"more" is unknown/)
    refused(() => upload({ ...whole, timestamp: null }), /"timestamp" is unknown/)
    refused(() => upload({ ...whole, changes }), /exclude each other/)
    refused(() => upload(head), /"entries" or "changes" is missing/)
    refused(() => upload({ list: head.list, entries }), /"signatures" is missing/)
    refused(() => upload({ signatures: [], entries }), /"list" is missing/)
    refused(() => upload({ ...whole, list: { ...head.list, more: 1 } }), /"list.more" is unknown/)
    refused(() => upload({ ...whole, list: { ...head.list, root: undefined } }), /"list.root" is missing/)
    refused(() => upload({ ...whole, entries: [{ ...entries[0], more: 1 }] }), /"entries.more" is unknown/)
    refused(() => upload({ ...whole, entries: [{ ...entries[0], size: undefined }] }), /"entries.size" is missing/)
    refused(() => upload({ ...head, changes: [{ tag: 'a' }] }), /"changes.entry" is missing/)
    refused(() => upload({ ...whole, signatures: [{ ...head.signatures[0], v: 27 }] }), /"signatures.v" is unknown/)
    refused(() => upload(text.replace('"size":', '"size":1,"size":')), /"size" stands twice/)
    refused(() => upload(text.replace('"size":', '"Size":1,"size":')), /"size" stands twice/)
    refused(() => upload(text.replace('"name"', '"Name"')), /list.name" is missing/)
    refused(() => upload(text.replace('{"list"', '{"entries":[],"list"')), /"entries" stands twice/)
    refused(() => upload(`${text}{}`), /after the end/)
    refused(() => upload('[]'), /an object wanted/)
  })

  test('wrong types, hex in upper case or of another length, integers outside 0 to 2^53 - 1', () => {
    const withList = (fields: object) => () => upload({ ...whole, list: { ...head.list, ...fields } })
    const withEntry = (fields: object) => () => upload({ ...whole, entries: [{ ...entries[0], ...fields }] })
    expect(withEntry({ size: 9_007_199_254_740_991 })()).toBeTruthy()
    refused(withEntry({ size: 9_007_199_254_740_992 }), /"size" is not an integer/)
    for (const size of [-1, 1.5, '1', null, true, []]) refused(withEntry({ size }), /"size" is not an integer/)
    refused(() => upload(JSON.stringify(whole).replace('"size":401', '"size":401.0')), /digits only/)
    refused(() => upload(JSON.stringify(whole).replace('"epoch":0', '"epoch":-0')), /"epoch" is not an integer/)
    refused(withEntry({ flags: 256 }), /"flags" is over 255/)
    refused(withEntry({ digest: entries[0]!.digest.toUpperCase() }), /"digest" is not/)
    refused(withEntry({ digest: 'sha1:00' }), /"digest" is not/)
    refused(withEntry({ tag: 1 }), /"tag" is not a string/)
    refused(withEntry({ mediaType: null }), /"mediaType" is not a string/)
    refused(withEntry({ swarmReference: '0x' }), /"swarmReference" is not 32 bytes/)
    refused(withEntry({ swarmReference: `0x${'AB'.repeat(32)}` }), /lower-case hex/)
    refused(withList({ root: `0x${'AB'.repeat(32)}` }), /"root" is not 32 bytes of lower-case hex/)
    refused(withList({ root: '12'.repeat(32) }), /"root" is not 32 bytes/)
    refused(withList({ owner: list.root }), /"owner" is not 20 bytes/)
    refused(withList({ version: '1' }), /"version" is not an integer/)
    refused(withList({ epoch: -1 }), /"epoch" is not an integer/)
    refused(withList({ name: 1 }), /"name" is not a string/)
    refused(() => upload({ ...whole, list: [] }), /"list" is not an object/)
    refused(() => upload({ ...whole, entries: {} }), /an array wanted/)
    refused(() => upload({ ...whole, entries: [null] }), /"entries" is not an object/)
    refused(() => upload({ ...whole, signatures: {} }), /"signatures" is not an array/)
  })

  test('row 0: at most 8 signatures, each at most 8,192 bytes', () => {
    const signed = (count: number, bytes: number) => () =>
      upload({ ...whole, signatures: Array(count).fill({ signer: list.owner, signature: `0x${'ab'.repeat(bytes)}` }) })
    expect(signed(8, 8192)()).toBeTruthy()
    expect(signed(0, 0)()).toBeTruthy()
    refused(signed(9, 65), /"signatures" has 9, over 8/)
    refused(signed(1, 8193), /"signature" is over 8192 bytes/)
  })

  test('no part that is read in one go is longer than the longest signatures: a body of megabytes never holds the event loop', () => {
    const padded = (bytes: number) => ({ ...whole, list: { ...head.list, name: 'a'.repeat(bytes) } })
    expect(upload(padded(1000))).toBeTruthy()
    refused(() => upload(padded(300_000)), /a value longer than/)
    const numbers = JSON.stringify(Array(200_000).fill(1))
    refused(() => upload(`{"list":${numbers}}`), /a value longer than/)
    refused(() => upload(`{"entries":[${numbers}]}`), /a value longer than/)
  })

  test("what an entry may say is judged after the signatures: the limits of 2.1 are not the body's", () => {
    for (const odd of [
      { size: 0 },
      { size: 5_000_000 },
      { flags: 2 },
      { mediaType: '' },
      { tag: '.a' },
      { tag: 'a'.repeat(129) },
      { tag: 'a'.repeat(300) },
      { updatedVersion: 9 },
    ]) {
      const found = upload({ ...whole, entries: [{ ...entries[0], ...odd }] })
      const of = { ...list, count: 2n }
      expect('slots' in found && (() => finish(verifyWholeList(of, found.slots)))).toThrow(
        expect.objectContaining({ reason: 'tag' in odd ? 'InvalidTag' : 'InvalidEntry' }),
      )
    }
    const twice = upload({ ...whole, entries: [entries[0], entries[0], entries[1]] })
    expect('slots' in twice && (() => finish(verifyWholeList(list, twice.slots)))).toThrow(
      expect.objectContaining({ reason: 'MalformedList' }),
    )
  })

  test('a long list lets others run in between', () => {
    const many = Array.from({ length: 5000 }, (_, i) => ({ ...entries[0], tag: `t${i}` }))
    let yields = 0
    const steps = parseListUpload(JSON.stringify({ ...head, entries: many }))
    for (; !steps.next().done; yields++);
    expect(yields).toBeGreaterThan(19)
  })
})

import { expect, test } from 'vitest'
import { findingsOfKeys, type KeyUse } from '../../gateway/cli/audit/key-use.ts'
import { addressOf, testKeys } from '../fixtures.ts'

const key = addressOf(testKeys.owner)

/** What is said about a key that signed last at second 1,000. */
function saidOf(use: Partial<KeyUse>): string[] {
  const row: KeyUse = {
    ...{ key, lists: 2, firstVersion: 1, lastVersion: 2, firstIssuedAt: 900, lastIssuedAt: 1_000 },
    ...{ isPublisher: true, revoked: null, ...use },
  }
  return findingsOfKeys([row]).map(({ name, needsPerson }) => (needsPerson ? `!${name}` : name))
}

test('audit: a publisher’s key is nothing to speak of, one that is no publisher any more is a remark', () => {
  expect(saidOf({})).toEqual([])
  expect(saidOf({ isPublisher: false })).toEqual(['FormerPublisher'])
})

test('row 6 audit: a key that was revoked after it signed is a remark, one that signed on needs a person', () => {
  expect(saidOf({ revoked: { at: 1_200, block: 7 } })).toEqual(['RevokedKey'])
  expect(saidOf({ revoked: { at: 700, block: 7 } })).toEqual(['RevokedKey'])
  expect(saidOf({ revoked: { at: 699, block: 7 } })).toEqual(['!Revoked'])
})

test('row 6 audit: a key that is revoked since nobody knows when needs a person', () => {
  expect(saidOf({ revoked: { at: null, block: null } })).toEqual(['!Revoked'])
})

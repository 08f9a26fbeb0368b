import { describe } from 'vitest'
import { authorityRules } from './registry/authority-rules.ts'
import { blobRules } from './registry/blob-rules.ts'
import type { OpenRegistry } from './registry/client.ts'
import { conformanceRules } from './registry/conformance/groups.ts'
import { endpointRules } from './registry/endpoint-rules.ts'
import { extensionRules } from './registry/extension-rules.ts'
import { manifestRules } from './registry/manifest-rules.ts'
import { manyReferrersRules, referrerRules } from './registry/referrer-rules.ts'
import { repeatedRules } from './registry/repeated-rules.ts'
import { manyTagsRules, tagRules } from './registry/tag-rules.ts'
import { uploadRules } from './registry/upload-rules.ts'

/**
 * The registry API as rules over `fetch(Request)`: what the OCI conformance suite drives, group by group, and what it leaves out
 * (paging, Accept, error bodies, limits, races, who may push). Every set of drivers and every runtime passes it.
 */
export function registrySuite(drivers: string, open: OpenRegistry): void {
  describe(`registry over ${drivers}`, () => {
    conformanceRules(open)
    describe('endpoints', () => endpointRules(open))
    describe('beside the specification', () => extensionRules(open))
    describe('uploads', () => uploadRules(open))
    describe('blobs', () => blobRules(open))
    describe('manifests', () => manifestRules(open))
    describe('manifests asked for again', () => repeatedRules(open))
    describe('referrers', () => referrerRules(open))
    describe('tags', () => tagRules(open))
    describe('authority', () => authorityRules(open))
  })
}

/**
 * The same rules over a relay gateway, as its pusher sees it: the statuses of a publishing one. Left out is what looks at the list that a
 * push signs; what is staged instead has rules of its own (test/staging-suite.ts).
 */
export function relaySuite(drivers: string, open: OpenRegistry): void {
  const openRelay: OpenRegistry = (options) => open({ signerKey: null, ...options })
  describe(`relay over ${drivers}`, () => {
    conformanceRules(openRelay)
    describe('endpoints', () => endpointRules(openRelay))
    describe('uploads', () => uploadRules(openRelay))
    describe('blobs', () => blobRules(openRelay))
    describe('manifests', () => manifestRules(openRelay))
  })
}

/** What shows only with thousands of rows: for drivers whose pages an index serves, since the small pages above hold for all. */
export function largeRegistrySuite(drivers: string, open: OpenRegistry): void {
  describe(`large registry over ${drivers}`, () => {
    manyTagsRules(open)
    manyReferrersRules(open)
  })
}

import type { TestProject } from 'vitest/node'
import { openMemoryRegistry } from '../lookup/memory-registry.ts'
import { knownBodies, openKnownList } from '../lookup/same-bytes.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** What our handler on Node answers to `knownCalls`; test/lookup/ccip-server.test.ts holds the reference server to the same. */
    nodeBodies: string[]
  }
}

/** On Node, before the tests in workerd. */
export default async function setUp(project: TestProject): Promise<void> {
  project.provide('nodeBodies', await knownBodies(await openKnownList(openMemoryRegistry)))
}

import { repositoryOf } from '../../gateway/ens/name.ts'
import { type OpenRepository, openForRead } from '../../gateway/routes/repository.ts'
import type { TagEntry } from '../../gateway/tags/entry.ts'
import { ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import type { TestDeps } from '../fixtures.ts'

/** A repository as a route opens it. */
export function openedRepository({ deps }: { deps: TestDeps }, ensName: string): Promise<OpenRepository> {
  const url = new URL('http://gateway.test/')
  const params = { repository: repositoryOf(ensName) }
  return openForRead({
    deps,
    request: new Request(url),
    url,
    params,
    caller: { kind: 'operator' } as const,
    client: '',
    addHeader: () => {},
  })
}

/** An entry whose digest tells which one it is. */
export function entryOf(seed: number, more: Partial<TagEntry> = {}): TagEntry {
  return {
    digest: `sha256:${seed.toString(16).padStart(64, '0')}`,
    size: 500 + (seed % 1000),
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    swarmReference: ZERO_REFERENCE,
    updatedVersion: 0,
    flags: 0,
    ...more,
  }
}

import type { Deps } from '../deps.ts'
import { repositoryOf } from '../ens/name.ts'
import { isRenewalDue, renewList } from '../publisher.ts'
import type { NameAuthority } from '../tags/authority.ts'
import type { SignedList } from '../tags/list.ts'
import { isPublishing, openOf } from './repository.ts'

/**
 * Renews a list that somebody reads and that is past half of its life (protocol 2.2), expired ones too, where this gateway's key may
 * publish it. The reader does not wait; a failure is logged, and the next reader tries again.
 */
export function renewInBackground(deps: Deps, authority: NameAuthority, { list }: SignedList): void {
  if (deps.signer === null || !isRenewalDue(list, deps.clock())) return
  renew(deps, authority).catch((error: unknown) => {
    deps.log('renewal failed', { name: authority.ensName, error: String(error) })
  })
}

async function renew(deps: Deps, authority: NameAuthority): Promise<void> {
  const { ensName } = authority
  const repository = openOf({ ensName, repository: repositoryOf(ensName) }, authority)
  if (repository && (await isPublishing(deps, repository))) await renewList(deps, repository)
}

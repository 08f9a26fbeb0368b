import type { Hex } from 'viem'
import { hashList, type SignedList, ZERO_HASH } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { withValidSignatures } from '../../valid-signatures.ts'
import { GatewayUnavailable } from '../client/ccip.ts'
import { readHistoryPage } from '../client/read-history.ts'
import type { WholeList } from '../client/read-list.ts'
import type { Session } from '../client/session.ts'
import { type PublishingPlace, readBase } from './base.ts'
import type { Draft } from './draft.ts'

/** A verified list, and how it came to be: what a gateway that stays behind is brought up with. */
export type Lineage = {
  head: Pick<SignedList, 'list' | 'hash'>
  /** The gateway that has it, and its content. */
  from: PublishingPlace
  /**
   * The versions after the one with this hash (zero: all), oldest first, the head last, each as it was signed; null where that one is none
   * of them. @throws Refusal, GatewayUnavailable, HttpFailure
   */
  since(hash: Hex): Promise<readonly Draft[] | null>
  /** The head whole, as `from` shows it now, verified. @throws as `readBase` */
  whole(): Promise<WholeList>
}

/** A gateway takes one version after the other, so a longer way than this is not gone. */
const MOST_VERSIONS = 10_000

/** @param known the versions up to the head that are at hand, oldest first, the head last; none: all is read */
export function createLineage(
  session: Session,
  from: PublishingPlace,
  head: Lineage['head'],
  known: readonly Draft[] = [],
): Lineage {
  const newestFirst = known.toReversed()
  let whole: Promise<WholeList> | undefined
  return {
    head,
    from,
    async since(hash) {
      for (;;) {
        const end = newestFirst.findIndex(({ list }) => list.previous === hash)
        if (end >= 0) return newestFirst.slice(0, end + 1).reverse()
        if (newestFirst.at(-1)?.list.previous === ZERO_HASH) return null
        if (newestFirst.length > MOST_VERSIONS) {
          throw new GatewayUnavailable(`the way to version ${head.list.version} has more than ${MOST_VERSIONS} steps`)
        }
        newestFirst.push(...(await readOlder(session, from, head.hash, newestFirst.at(-1))))
      }
    },
    whole() {
      whole ??= readWhole(session, from, head)
      return whole
    },
  }
}

async function readWhole(session: Session, from: PublishingPlace, { list, hash }: Lineage['head']): Promise<WholeList> {
  const found = await readBase(session, from)
  if (found?.signed.hash === hash) return found
  throw new GatewayUnavailable(`${from.gateway} does not show version ${list.version} with hash ${hash} any more`)
}

/** The versions before the oldest that is known, newest first: each is the one that the version after it names. */
async function readOlder(
  { onChain }: Session,
  { gateway, repository, reach }: PublishingPlace,
  headHash: Hex,
  oldest: Draft | undefined,
): Promise<Draft[]> {
  const page = await readHistoryPage(gateway, repository, oldest?.hash ?? null, reach)
  const authority = await onChain.readAuthority()
  let wanted = oldest?.list.previous ?? headHash
  const drafts: Draft[] = []
  for (const { signed, changes } of page) {
    const hash = hashList(onChain.domain, signed.list)
    if (hash !== wanted) break
    // A gateway takes no list with a signature that counts no more, though enough others do. With none left it says best why.
    const valid = (await withValidSignatures(authority, { ...signed, hash })).signatures
    const signatures = valid.length > 0 ? valid : signed.signatures
    drafts.push({
      list: signed.list,
      hash,
      signatures,
      changes: changes.map(({ tag, after }) => ({ tag, entry: after })),
    })
    wanted = signed.list.previous
  }
  if (drafts.length > 0) return drafts
  throw new Refusal('BadResponse', `${gateway} does not tell the history of the version with hash ${wanted}`)
}

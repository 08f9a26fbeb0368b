import type { Timestamp } from '../../../gateway/tags/list.ts'
import { cast, type Party } from '../cast.ts'
import { type Ending, everywhere, type Lie, type Scene } from '../lie.ts'
import { timestampOver } from '../statement.ts'

type Stamp = { by?: Party; over?: Partial<Scene['honest']['list']>; from: bigint; until: bigint }

/** The honest list with another timestamp; times in seconds from now. */
function stamped(make: (scene: Scene) => Promise<Timestamp | null>): Lie['tell'] {
  return async (scene) => ({ statement: { ...scene.honest, timestamp: await make(scene) } })
}

function signed({ by = cast.timestamper, over = {}, from, until }: Stamp) {
  return ({ domain, honest, now }: Scene) => {
    const times = { issuedAt: now + from, expiresAt: now + until }
    return timestampOver(domain, { ...honest.list, ...over }, by, times)
  }
}

const lie = (name: string, make: Parameters<typeof stamped>[0], ending: Ending, more: Partial<Lie> = {}): Lie => ({
  ...{ name, clause: '3.1 row 7', authority: 'stamped', tell: stamped(make), expected: everywhere(ending) },
  ...more,
})

/** Row 7, for names whose owner asks for a timestamp not older than an hour. */
export const timestampLies: readonly Lie[] = [
  lie('no timestamp', async () => null, 'BadTimestamp'),
  lie('a stale timestamp', signed({ from: -7200n, until: 7200n }), 'StaleTimestamp'),
  lie('a timestamp past its end', signed({ from: -600n, until: -1n }), 'StaleTimestamp'),
  lie('a timestamp from the future', signed({ from: 7200n, until: 9000n }), 'BadTimestamp'),
  lie("a stranger's timestamp", signed({ by: cast.stranger, from: 0n, until: 3000n }), 'BadTimestamp'),
  lie("the publisher's own timestamp", signed({ by: cast.owner, from: 0n, until: 3000n }), 'BadTimestamp'),
  lie('the timestamp of another list', signed({ over: { version: 1n }, from: 0n, until: 3000n }), 'BadTimestamp'),
  lie(
    'a timestamp whose time was put forward',
    async ({ honest, now }) => honest.timestamp && { ...honest.timestamp, issuedAt: now },
    'BadTimestamp',
  ),
  lie(
    'a timestamp of 8193 bytes',
    async ({ now }) => ({ ...times(now), signature: `0x${'11'.repeat(8193)}` }),
    'BadResponse',
  ),
  lie('the timestamp of a revoked key', async ({ honest }) => honest.timestamp, 'BadTimestamp', {
    authority: 'stamp-revoking',
    meanwhile: ({ world }) => world.act('stamp-revoking.eth', 'revoke', cast.timestamper.address),
  }),
]

function times(now: bigint) {
  return { issuedAt: now, expiresAt: now + 3000n }
}

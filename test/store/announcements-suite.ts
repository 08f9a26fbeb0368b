import type { Hex } from 'viem'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Announcement, AnnouncementStore } from '../../gateway/store/swarm-announcements.ts'

const hashOf = (byte: string): Hex => `0x${byte.repeat(32)}`
const owner: Hex = `0x${'aa'.repeat(20)}`

const first: Announcement = {
  ...{ ensName: 'acme.eth', feedOwner: owner, feedEnd: null, epoch: 2n, version: 7n, listHash: hashOf('01') },
  ...{ signaturesHash: hashOf('02'), listReference: hashOf('03'), indexReference: hashOf('04') },
  ...{
    payloadReference: hashOf('05'),
    indexRoot: '0x010000',
    indexRows: 12,
    postageBatchId: null,
    position: null,
    isVerified: false,
  },
}

/** The contract of `AnnouncementStore`, over whatever driver. */
export function announcementSuite(
  driver: string,
  openFresh: () => Promise<{ announcements: AnnouncementStore; close(): Promise<void> }>,
): void {
  const open = async (): Promise<AnnouncementStore> => {
    const { announcements, close } = await openFresh()
    onTestFinished(close)
    return announcements
  }

  describe(`announcements: ${driver}`, () => {
    test('the last one of a name is found under its feed and under no other', async () => {
      const announcements = await open()
      expect(await announcements.find('acme.eth', owner)).toBeUndefined()
      await announcements.record(first)
      expect(await announcements.find('acme.eth', owner)).toEqual(first)
      expect(await announcements.find('acme.eth', null)).toBeUndefined()
      expect(await announcements.find('web.acme.eth', owner)).toBeUndefined()
      const next = { ...first, version: 8n, position: 0, feedEnd: 0, isVerified: true, postageBatchId: hashOf('ba') }
      await announcements.record(next)
      expect(await announcements.find('acme.eth', owner)).toEqual(next)
      await announcements.record({ ...first, feedOwner: null })
      expect(await announcements.find('acme.eth', null)).toEqual({ ...first, feedOwner: null })
      expect(await announcements.find('acme.eth', owner)).toEqual(next)
    })

    test('epochs and versions that no number holds are refused, and change nothing', async () => {
      const announcements = await open()
      await announcements.record({ ...first, version: 2n ** 53n - 1n })
      expect((await announcements.find('acme.eth', owner))?.version).toBe(2n ** 53n - 1n)
      await expect(announcements.record({ ...first, version: 2n ** 53n })).rejects.toThrow(RangeError)
      expect((await announcements.find('acme.eth', owner))?.version).toBe(2n ** 53n - 1n)
    })
  })
}

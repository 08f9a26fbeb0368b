import type { Hex } from 'viem'
import type { Announcement, AnnouncementStore } from './swarm-announcements.ts'

/** Announcements in memory. */
export function createMemoryAnnouncements(): AnnouncementStore {
  const rows = new Map<string, Announcement>()
  const keyOf = (ensName: string, feedOwner: Hex | null) => `${ensName} ${feedOwner ?? ''}`
  return {
    async find(ensName, feedOwner) {
      const row = rows.get(keyOf(ensName, feedOwner))
      return row && { ...row }
    },
    async record(announcement) {
      for (const value of [announcement.epoch, announcement.version]) {
        if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`${value} is above 2^53 - 1`)
      }
      rows.set(keyOf(announcement.ensName, announcement.feedOwner), { ...announcement })
    },
  }
}

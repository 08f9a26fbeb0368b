import { OciError } from '../oci/error.ts'
import { createThrottle, throttleKey } from '../throttle.ts'

/** Counts attempts to log in before they are looked at. */
export type Attempts = {
  /** @throws OciError TOOMANYREQUESTS (429) with Retry-After, when a client tried too often, as this user or as any */
  admit(client: string, user: string): void
}

const perMinuteAndUser = 10
const perMinute = 60

/** Ten attempts a minute of one client as one user, sixty as anybody. `clock` in unix seconds. */
export function createAttempts(clock: () => bigint): Attempts {
  const asAnybody = createThrottle(perMinute, clock)
  const asUser = createThrottle(perMinuteAndUser, clock, (text) => text)
  return {
    admit(client, user) {
      const waitSeconds = asAnybody.admit(client) || asUser.admit(`${throttleKey(client)} ${user.toLowerCase()}`)
      if (waitSeconds > 0) throw tooMany(waitSeconds)
    },
  }
}

function tooMany(waitSeconds: number): OciError {
  return new OciError('TOOMANYREQUESTS', `too many attempts to log in: the next one is looked at in ${waitSeconds} s`, {
    headers: { 'retry-after': String(waitSeconds) },
  })
}

import { accept, type Case, type Endings, refuse } from './cases.ts'
import { day, now } from './flat.ts'
import type { Scenario } from './scenario.ts'

/** Row 5: the list was issued, has not expired, and does not live longer than 400 days. */
export async function rowFive(): Promise<Case[]> {
  const cases = await Promise.all([...future(), ...expired(), ...lifetimes(), ...clocks()])
  return cases.flat()
}

const longest = 400 * day
const max = 2n ** 64n - 1n

function timesAre(issuedAt: number | bigint, expiresAt: number | bigint, localTime?: number): Scenario {
  const header = { issuedAt: BigInt(issuedAt), expiresAt: BigInt(expiresAt) }
  return { header, ...(localTime !== undefined && { localTime }) }
}

function future() {
  const edge = timesAre(now + 300, now + day)
  return [
    refuse(5, 'IssuedInFuture', 'issued 301 seconds from now', timesAre(now + 301, now + day), edge),
    refuse(5, 'IssuedInFuture', 'issued a day from now', timesAre(now + day, now + 2 * day), edge),
    refuse(5, 'IssuedInFuture', 'issued at 2^64 - 2', timesAre(max - 1n, max), edge),
  ]
}

function expired() {
  const edge = timesAre(now - 1000, now + 1)
  return [
    refuse(5, 'Expired', 'expires now', timesAre(now - 1000, now), edge),
    refuse(5, 'Expired', 'expired a second ago', timesAre(now - 1000, now - 1), edge),
    refuse(5, 'Expired', 'expired after 400 days', timesAre(now - longest, now), timesAre(now - longest + 1, now + 1)),
    refuse(5, 'Expired', 'expired in 1970', timesAre(1, 2), edge),
  ]
}

function lifetimes() {
  const whole = timesAre(now - 10, now - 10 + longest)
  return [
    refuse(5, 'LifetimeTooLong', 'lifetime of 400 days and a second', timesAre(now - 10, now - 9 + longest), whole),
    refuse(5, 'LifetimeTooLong', 'lifetime of ten years', timesAre(now, now + 3650 * day), whole),
    refuse(5, 'LifetimeTooLong', 'expires at 2^64 - 1', timesAre(now, max), whole),
    refuse(5, 'LifetimeTooLong', 'issued at 0', timesAre(0, now + day), timesAre(now + day - longest, now + day)),
    refuse(
      5,
      'LifetimeTooLong',
      'expires when it is issued',
      timesAre(now + 100, now + 100),
      timesAre(now + 99, now + 100),
    ),
    refuse(
      5,
      'LifetimeTooLong',
      'expires before it is issued',
      timesAre(now + 200, now + 100),
      timesAre(now + 100, now + 200),
    ),
  ]
}

/** The verifier takes the later of its clock and block time for expiry, the earlier for the future. */
function clocks() {
  const verifierOnly: Endings = { contract: 'accepted' }
  const soon = timesAre(now - 1000, now + 100)
  const fresh = timesAre(now + 300, now + day)
  return [
    refuse(
      5,
      'Expired',
      'expired by the local clock',
      { ...soon, localTime: now + 100 },
      { ...soon, localTime: now + 99 },
      verifierOnly,
    ),
    refuse(
      5,
      'Expired',
      'expired by block time, not by the local clock',
      timesAre(now - 1000, now, now - 500),
      timesAre(now - 1000, now + 1, now - 500),
    ),
    refuse(
      5,
      'IssuedInFuture',
      'issued in the future of the local clock',
      { ...fresh, localTime: now - 1 },
      { ...fresh, localTime: now },
      verifierOnly,
    ),
    refuse(
      5,
      'IssuedInFuture',
      'issued in the future of block time, not of the local clock',
      timesAre(now + 301, now + day, now + 1000),
      timesAre(now + 300, now + day, now + 1000),
    ),
    accept(5, 'a local clock an hour behind', { localTime: now - 1300 }),
    accept(5, 'a local clock an hour ahead', { localTime: now + 3600 }),
  ]
}

import type { Hex } from 'viem'
import { OciError } from '../oci/error.ts'
import { isLowerHex } from './bytes.ts'

/** Members of the wire forms of protocol 5, each read as its one type. All of them throw OciError MANIFEST_INVALID naming the member. */
export type Members = Readonly<Record<string, unknown>>

/** Any object, whatever its members. */
export function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw invalid(what, 'is not an object')
}

/** An object with exactly these members. */
export function membersOf<Name extends string>(
  value: unknown,
  what: string,
  names: readonly Name[],
): Readonly<Record<Name, unknown>> {
  const object = objectOf(value, what)
  for (const name of names) if (!Object.hasOwn(object, name)) throw invalid(`${what}.${name}`, 'is missing')
  if (Object.keys(object).length > names.length) {
    const known: readonly string[] = names
    throw invalid(`${what}.${Object.keys(object).find((name) => !known.includes(name))}`, 'is unknown')
  }
  return object as Record<Name, unknown>
}

/** An array of anything. */
export function arrayOf(value: unknown, what: string): unknown[] {
  if (Array.isArray(value)) return value
  throw invalid(what, 'is not an array')
}

/** A member that is a string. */
export function textMember(members: Members, name: string): string {
  const value = members[name]
  if (typeof value === 'string') return value
  throw invalid(name, 'is not a string')
}

/** An integer of the wire: 0 to 2^53 - 1. */
export function integerMember(members: Members, name: string): number {
  const value = members[name]
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)) return value
  throw invalid(name, 'is not an integer from 0 to 2^53 - 1')
}

/** Whole bytes in lower-case hex with 0x, `bytes` of them when given. */
export function hexMember(members: Members, name: string, bytes?: number): Hex {
  const value = members[name]
  if (typeof value === 'string' && isLowerHex(value, bytes)) return value
  throw invalid(name, `is not ${bytes === undefined ? 'whole bytes' : `${bytes} bytes`} of lower-case hex with 0x`)
}

/** The refusal of a member. */
export function invalid(member: string, what: string): OciError {
  return new OciError('MANIFEST_INVALID', `member "${member.slice(0, 80)}" ${what}`)
}

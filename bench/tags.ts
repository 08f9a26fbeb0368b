import { createHash } from 'node:crypto'

/** The tag at a position of a list made here; a list of n tags holds 0 to n - 1. Order of positions is order of bytes. */
export function tagAt(position: number): string {
  return `v${String(position).padStart(7, '0')}`
}

/** The digest that a list made here gives a tag. */
export function digestOf(tag: string): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(tag).digest('hex')}`
}

import { type Hex, keccak256, stringToHex } from 'viem'

/** Random choices that a seed repeats exactly. Bounds are inclusive. */
export type Random = {
  /** A whole number from `from` to `to`. */
  between(from: number, to: number): number
  /** True in `share` of all cases, 0 to 1. */
  chance(share: number): boolean
  /** One element of what must not be empty. */
  pick<Item>(items: readonly Item[]): Item
  /** The items in another order. */
  shuffled<Item>(items: readonly Item[]): Item[]
  /** So many random bytes. */
  bytes(length: number): Hex
}

/** sfc32 of PractRand (128 bits of state, period about 2^127), its state being the hash of the seed. */
export function createRandom(seed: string): Random {
  const next = sfc32(keccak256(stringToHex(`mooring fuzz: ${seed}`)))
  const between = (from: number, to: number) => from + Math.floor(next() * (to - from + 1))
  const pick = <Item>(items: readonly Item[]) => items[between(0, items.length - 1)] as Item
  return {
    between,
    pick,
    chance: (share) => next() < share,
    bytes: (length) => `0x${Array.from({ length }, () => between(0, 255).toString(16).padStart(2, '0')).join('')}`,
    shuffled: (items) => shuffle([...items], between),
  }
}

/** Fisher and Yates, in place. */
function shuffle<Item>(items: Item[], between: (from: number, to: number) => number): Item[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = between(0, last)
    const moved = items[last] as Item
    items[last] = items[other] as Item
    items[other] = moved
  }
  return items
}

/** Numbers from 0 up to, not including, 1. */
function sfc32(state: Hex): () => number {
  const at = (position: number) => Number.parseInt(state.slice(2 + 8 * position, 10 + 8 * position), 16) | 0
  let [a, b, c, counter] = [at(0), at(1), at(2), 1]
  return () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
}

/** A number near a boundary half of the time: the ends themselves and their neighbours, else anywhere from one to the other. */
export function nearEnds(random: Random, from: number, to: number): number {
  if (from >= to) return from
  if (random.chance(0.5)) return random.between(from, to)
  const near = random.chance(0.7) ? 0 : 1
  return random.chance(0.5) ? from + near : to - near
}

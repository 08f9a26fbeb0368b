// Reed-Solomon over GF(256) as nodes add it (polynomial 0x11d, shard i at point i), enough of it to be such a node.

const exponents = new Uint8Array(510)
const logarithms = new Uint8Array(256)
for (let power = 0, value = 1; power < 255; power += 1) {
  exponents[power] = exponents[power + 255] = value
  logarithms[value] = power
  value = (value << 1) ^ (value & 0x80 ? 0x11d : 0)
}

/** Most parities first: from so many data chunks on, so many parity chunks (level 1, "medium"). */
const level1: readonly [shards: number, parities: number][] = [
  [95, 9],
  [69, 8],
  [47, 7],
  [29, 6],
  [15, 5],
  [6, 4],
  [2, 3],
  [1, 2],
]

/** How many parity chunks level 1 adds to so many chunks. */
export function paritiesOfLevel1(shards: number): number {
  return level1.find(([from]) => shards >= from)?.[1] ?? 0
}

/** The next `count` shards: the polynomial through the given ones, of equal length, at the points that follow. */
export function encodeParities(shards: readonly Buffer[], count: number): Buffer[] {
  return Array.from({ length: count }, (_, at) => evaluateAt(shards, shards.length + at))
}

function evaluateAt(shards: readonly Buffer[], point: number): Buffer {
  const sum = Buffer.alloc(shards[0]?.byteLength ?? 0)
  shards.forEach((shard, position) => {
    const power = weightAt(shards.length, position, point)
    for (let at = 0; at < sum.byteLength; at += 1) {
      const byte = shard[at] as number
      if (byte !== 0) sum[at] = (sum[at] as number) ^ (exponents[(logarithms[byte] as number) + power] as number)
    }
  })
  return sum
}

/** The logarithm of the factor that a shard has in the value at `point` (Lagrange). */
function weightAt(shards: number, position: number, point: number): number {
  let power = 0
  for (let other = 0; other < shards; other += 1) {
    if (other === position) continue
    power += (logarithms[point ^ other] as number) + 255 - (logarithms[position ^ other] as number)
  }
  return power % 255
}

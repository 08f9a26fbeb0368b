import type { Random } from './random.ts'

const characters = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** The labels of a repository's name (protocol 1): 2 to 10 of them, 253 bytes at most, `.eth` or another top-level domain. */
export function randomName(random: Random): string[] {
  const count = random.pick([2, 2, 3, 3, 4, 5, 9, 10])
  const top = random.chance(0.75) ? 'eth' : random.pick(['xyz', 'com', 'e', 'eth2', 'box'])
  const labels = Array.from({ length: count - 1 }, () => randomLabel(random, Math.floor(240 / count) - 1))
  return [...labels, top]
}

/** Letters and digits with hyphens inside, none in third and fourth place. */
export function randomLabel(random: Random, maxLength = 63): string {
  const length = Math.min(maxLength, random.chance(0.9) ? random.between(1, 12) : random.pick([31, 32, 33, 62, 63]))
  const hyphens = length > 6 && random.chance(0.3) ? random.between(4, length - 2) : -1
  return Array.from({ length }, (_, at) => (at === hyphens ? '-' : random.pick([...characters]))).join('')
}

/** The name and what is above it: `web.acme.eth`, `acme.eth`, `eth`. */
export function suffixesOf(labels: readonly string[]): string[] {
  return labels.map((_, position) => labels.slice(position).join('.'))
}

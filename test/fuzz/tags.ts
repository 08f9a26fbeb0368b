import { isTag } from '../../gateway/tags/entry.ts'
import type { Random } from './random.ts'

const firstCharacters = 'abcxyzABCXYZ0189_'
const laterCharacters = `${firstCharacters}.-`
/** Around whole words: keys are compared 32 bytes at a time, the kind byte in front. */
const lengths = [1, 1, 2, 3, 4, 5, 6, 8, 12, 30, 31, 32, 33, 62, 63, 64, 65, 95, 96, 97, 127, 128]

/** A tag of the grammar, 1 to 128 characters. */
export function randomTag(random: Random): string {
  const length = random.chance(0.6) ? random.between(1, 12) : random.pick(lengths)
  const rest = Array.from({ length: length - 1 }, () => random.pick([...laterCharacters]))
  return random.pick([...firstCharacters]) + rest.join('')
}

/** Tags that stand close to another in the order of keys: its beginnings and continuations, and changes of its last character. */
export function tagsNear(tag: string): string[] {
  const front = tag.slice(0, -1)
  const last = tag.charCodeAt(tag.length - 1)
  const near = [
    `${tag}.`,
    `${tag}a`,
    `${tag}_0`,
    tag.padEnd(128, 'z'),
    front,
    ...[-1, 1].map((step) => front + String.fromCharCode(last + step)),
  ]
  const found = near.filter((each) => each !== tag && isTag(each))
  return found.length > 0 ? found : [`${tag.slice(0, 100)}x`]
}

/** A tag that is not among those given. */
export function absentTag(random: Random, tags: readonly string[]): string {
  for (;;) {
    const near = tags.length > 0 && random.chance(0.7) ? random.pick(tagsNear(random.pick(tags))) : randomTag(random)
    if (!tags.includes(near)) return near
  }
}

/** What may stand between the brackets of a key and is no tag. */
export function brokenTag(random: Random, tag: string): string {
  const at = random.between(0, tag.length)
  const stranger = random.pick([' ', '/', ':', '@', '[', ']', '\0', '\x7f', 'é', '+', '~', '`', '{', '^', '\\', ','])
  return random.pick(['', `.${tag}`, `-${tag}`, tag.padEnd(129, '0'), tag.slice(0, at) + stranger + tag.slice(at)])
}

/**
 * A pattern over tags or names, as in a shell: `*` any text, `?` one character, `[a-z0-9]` one character of a set, all else itself. It
 * stands for the whole text. Matching takes at most pattern length x text length steps.
 */
export type Glob = { text: string; pieces: readonly Piece[] }

/** One character that fits, or `*`. */
type Piece = '*' | ((character: string) => boolean)

/** Characters of a pattern (protocol 2.4). */
export const MAX_GLOB_CHARS = 128

const literal = /^[a-zA-Z0-9._-]$/

/** A pattern that cannot be read; says what is wrong with it. */
export class GlobError extends Error {
  override readonly name = 'GlobError'
}

/** @throws GlobError for an empty or too long pattern, a character that no tag and no name has, or a set that is not closed */
export function parseGlob(text: string): Glob {
  const seen = JSON.stringify(text.slice(0, MAX_GLOB_CHARS))
  if (text === '' || text.length > MAX_GLOB_CHARS)
    throw new GlobError(`${seen} is not 1 to ${MAX_GLOB_CHARS} characters`)
  const pieces: Piece[] = []
  for (let at = 0; at < text.length; ) {
    const end = text[at] === '[' ? text.indexOf(']', at) + 1 : at + 1
    if (end === 0) throw new GlobError(`${seen} opens a set with [ and does not close it`)
    pieces.push(pieceOf(text.slice(at, end), seen))
    at = end
  }
  return { text, pieces }
}

/** Whether the whole text fits. */
export function matchesGlob({ pieces }: Glob, text: string): boolean {
  let [piece, at] = [0, 0]
  // Where to go on when what follows the last `*` does not fit: that star takes one character more.
  let [star, starAt] = [-1, 0]
  while (at < text.length) {
    const wanted = pieces[piece]
    if (wanted === '*') {
      ;[star, starAt] = [piece, at]
      piece += 1
    } else if (wanted?.(text.charAt(at))) {
      piece += 1
      at += 1
    } else if (star >= 0) {
      piece = star + 1
      starAt += 1
      at = starAt
    } else return false
  }
  return pieces.slice(piece).every((left) => left === '*')
}

function pieceOf(text: string, seen: string): Piece {
  if (text === '*') return '*'
  if (text === '?') return () => true
  if (text.startsWith('[')) return setOf(text.slice(1, -1), seen)
  if (literal.test(text)) return (character) => character === text
  throw new GlobError(`${seen} has ${JSON.stringify(text)}, which is in no tag and no name`)
}

/** Characters and ranges, `0-9a-f.`; a range runs upwards. */
function setOf(inside: string, seen: string): Piece {
  const ranges = [...inside.matchAll(/(.)-(.)|(.)/gs)].map(([, first, last, single]) => {
    const [from, to] = [first ?? single ?? '', last ?? single ?? '']
    if (!literal.test(from) || !literal.test(to) || from > to) {
      throw new GlobError(`${seen} has the set [${inside}], which is no list of characters and rising ranges`)
    }
    return { from, to }
  })
  if (ranges.length === 0) throw new GlobError(`${seen} has an empty set`)
  return (character) => ranges.some(({ from, to }) => character >= from && character <= to)
}

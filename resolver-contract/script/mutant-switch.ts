import { applyMutant, type Mutant } from '../mutants/mutant.ts'

/** Sources by path, with as many mutants inside as could be put there, and which those are: number 1 is the first. */
export type SwitchedSources = { sources: Map<string, string>; inside: Mutant[] }

/** Reads which mutant is on from behind the arguments of the call: even a pure function may. */
const switchPath = 'resolver-contract/src/lib/MutantSwitch.sol'
const switchSource = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

function isMutant(uint256 number) pure returns (bool) {
    return msg.data.length >= 32 && uint256(bytes32(msg.data[msg.data.length - 32:])) == number;
}
`

/** Some lines of a file and the mutants that change them. */
type Place = { first: number; last: number; mutants: Mutant[] }

/**
 * Writes each statement that mutants change as a choice between them and itself, so that one run of the compiler does for all of them.
 * A mutant that changes no whole statement and no constant is left out.
 */
export function withSwitches(sources: ReadonlyMap<string, string>, mutants: readonly Mutant[]): SwitchedSources {
  const switched = new Map([...sources, [switchPath, switchSource]])
  const inside: Mutant[] = []
  for (const [path, source] of sources) {
    const here = mutants.filter(({ file }) => file === path)
    const lines = source.split('\n')
    const places = mergePlaces(here.flatMap((mutant) => placeOf(lines, source, mutant) ?? []))
    for (const place of places.toReversed()) {
      const original = lines.slice(place.first, place.last + 1)
      const choice = choose(original, place.mutants, inside.length + 1)
      if (choice === undefined) continue
      lines.splice(place.first, original.length, choice)
      inside.push(...place.mutants)
    }
    if (lines.length !== source.split('\n').length || lines.join('\n') !== source)
      switched.set(path, imported(lines.join('\n')))
  }
  return { sources: switched, inside }
}

function imported(source: string): string {
  return source.replace(
    'pragma solidity ^0.8.30;\n',
    `pragma solidity ^0.8.30;\nimport {isMutant} from "${switchPath}";\n`,
  )
}

function bare(line = ''): string {
  return line.replace(/\/\/.*$/, '').trim()
}

/** The whole statements that a mutant's text is part of; undefined where it is the head of a block. */
function placeOf(lines: readonly string[], source: string, mutant: Mutant): Place | undefined {
  const start = source.indexOf(mutant.before)
  let first = source.slice(0, start).split('\n').length - 1
  let last = first + mutant.before.trimEnd().split('\n').length - 1
  const isElse = (line: number) => bare(lines[line]).startsWith('else')
  while (first > 0 && (isElse(first) || !/^$|[;{}]$/.test(bare(lines[first - 1])))) first--
  while (last < lines.length && (isElse(last + 1) || !/[;{}]$/.test(bare(lines[last])))) last++
  return bare(lines[last]).endsWith(';') ? { first, last, mutants: [mutant] } : undefined
}

/** Places that share lines become one. */
function mergePlaces(places: readonly Place[]): Place[] {
  const merged: Place[] = []
  for (const place of places.toSorted((a, b) => a.first - b.first)) {
    const before = merged.at(-1)
    if (before === undefined || place.first > before.last) merged.push(place)
    else
      Object.assign(before, { last: Math.max(before.last, place.last), mutants: [...before.mutants, ...place.mutants] })
  }
  return merged
}

/** The statements as a choice; undefined where they cannot stand in one. `number` is that of the first mutant. */
function choose(original: readonly string[], mutants: readonly Mutant[], number: number): string | undefined {
  const text = original.join('\n')
  const changed = mutants.map((mutant) => applyMutant(mutant, text))
  const constant = /^\s*(\w+) (private|internal) constant (\w+)\s*=\s*([^;]+);$/.exec(text)
  if (constant !== null) return chooseConstant(constant, changed, number)
  if (/^\s*\w+ (private|internal|public) /.test(text)) return undefined
  const declaration =
    /^(\s*)((?:bool|bytes32|address|u?int\d+|[A-Z]\w+)(?:\[\d*\])?(?: memory| storage)?|bytes calldata) (\w+) =([^;]*;)$/.exec(
      text,
    )
  if (declaration !== null) return chooseValue(declaration, changed, number)
  return chooseStatements(original, changed, number)
}

/** A constant becomes a function; its uses are rewritten by `callConstants`. */
function chooseConstant(
  [, type, visibility, name, value]: RegExpExecArray,
  changed: readonly string[],
  number: number,
): string | undefined {
  const values = changed.map((text) => /=\s*([^;]+);$/.exec(text)?.[1])
  if (values.includes(undefined)) return undefined
  const choice = values.map((other, position) => `isMutant(${number + position}) ? ${type}(${other}) : `).join('')
  return `function ${name}_() ${visibility} pure returns (${type}) { return ${choice}${type}(${value}); }`
}

function chooseValue(
  [, indent, type, name, value]: RegExpExecArray,
  changed: readonly string[],
  number: number,
): string | undefined {
  const values = changed.map((text) => new RegExp(`^\\s*[\\w [\\]]+ ${name} =([^;]*;)$`).exec(text)?.[1])
  if (values.includes(undefined)) return undefined
  const branches = values.map((other, position) => `if (isMutant(${number + position})) ${name} =${other} else`)
  return `${indent}${type} ${name}; ${branches.join(' ')} ${name} =${value}`
}

/** What all have in front stays in front: declarations may stand there and nowhere else. */
function chooseStatements(original: readonly string[], changed: readonly string[], number: number): string | undefined {
  const all = [original, ...changed.map((text) => text.split('\n'))]
  const isShared = (line: number) => all.every((lines) => lines[line] === original[line])
  const isWhole = (line: number) => bare(original[line]).endsWith(';') && !bare(original[line + 1]).startsWith('else')
  let front = 0
  while (front < original.length && isWhole(front) && isShared(front)) front++
  const [kept, ...others] = all.map((lines) => lines.slice(front).join('\n')) as [string, ...string[]]
  if ([kept, ...others].some((text) => declares(text) || !isBalanced(text))) return undefined
  const branches = others.map((text, position) => `if (isMutant(${number + position})) { ${text} } else`)
  return [...original.slice(0, front), `${branches.join(' ')} { ${kept} }`].join('\n')
}

function declares(text: string): boolean {
  return /^\s*(?:bool|bytes\d*|address|u?int\d+|string|[A-Z]\w+)(?:\[\d*\])?(?: memory| storage| calldata)? \w+( =|;)|^\s*\((?:\w+ \w+|,)/m.test(
    text,
  )
}

function isBalanced(text: string): boolean {
  const count = (pattern: RegExp) => (text.match(pattern) ?? []).length
  return count(/\(/g) === count(/\)/g) && count(/\{/g) === count(/\}/g)
}

/** Uses of constants that became functions, in every file. */
export function callConstants(sources: Map<string, string>): void {
  const names = [...sources.values()].flatMap((text) =>
    [...text.matchAll(/function ([A-Z][A-Z0-9_]*)_\(\)/g)].map(([, name]) => name as string),
  )
  for (const [path, text] of sources) {
    const called = names.reduce((all, name) => all.replace(new RegExp(`\\b${name}\\b(?!_)`, 'g'), `${name}_()`), text)
    sources.set(path, called.replaceAll('_()_()', '_()'))
  }
}

/** What the YAML of our examples holds. */
export type Yaml = string | number | boolean | Yaml[] | { [key: string]: Yaml }

type Line = { indent: number; text: string; number: number }

/**
 * Reads the YAML of our examples: block mappings and sequences of plain scalars, comments on lines of their own. All else is refused, so that
 * nothing is read otherwise than a whole parser would. @throws Error naming the line
 */
export function parseYaml(text: string): Yaml {
  const lines = text
    .split('\n')
    .map((line, at) => ({ indent: line.length - line.trimStart().length, text: line.trim(), number: at + 1 }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'))
  const value = parseBlock(lines, 0)
  if (lines[0]) refuse(lines[0], 'it is not indented as what it belongs to')
  return value
}

/** Takes the lines of one mapping or sequence from the front. */
function parseBlock(lines: Line[], indent: number): Yaml {
  return lines[0]?.text.startsWith('- ') ? parseSequence(lines, indent) : parseMapping(lines, indent)
}

function parseSequence(lines: Line[], indent: number): Yaml[] {
  const items: Yaml[] = []
  for (let line = lines[0]; line?.indent === indent && line.text.startsWith('- '); line = lines[0]) {
    const item = { ...line, indent: indent + 2, text: line.text.slice(2).trim() }
    const isMapping = keyPattern.test(item.text)
    if (isMapping) lines[0] = item
    else lines.shift()
    items.push(isMapping ? parseMapping(lines, indent + 2) : parseScalar(item, item.text))
  }
  return items
}

const keyPattern = /^([A-Za-z][\w./-]*):(?: (.+))?$/

function parseMapping(lines: Line[], indent: number): Yaml {
  const mapping: { [key: string]: Yaml } = {}
  for (let line = lines[0]; line?.indent === indent && !line.text.startsWith('- '); line = lines[0]) {
    const [, key, scalar] = keyPattern.exec(line.text) ?? []
    if (key === undefined) refuse(line, 'it is no "key: value"')
    if (key in mapping) refuse(line, `${key} stands there twice`)
    lines.shift()
    mapping[key] = scalar === undefined ? parseNested(lines, line) : parseScalar(line, scalar)
  }
  return mapping
}

function parseNested(lines: Line[], { indent, ...line }: Line): Yaml {
  const inner = lines[0]?.indent ?? 0
  if (inner <= indent) refuse({ indent, ...line }, 'nothing is below it')
  return parseBlock(lines, inner)
}

function parseScalar(line: Line, text: string): Yaml {
  if (text === 'true' || text === 'false') return text === 'true'
  if (/^\d+$/.test(text)) return Number(text)
  // What a YAML 1.1 parser takes for something else than text, or reads on from.
  if (/^(?:y|n|yes|no|on|off|null|~)$|^[[\]{}&*!|>'"%@`?,:.-](?![-\w])|^[[{&*!|>'"%@`]|: | #|:$/i.test(text)) {
    refuse(line, `${text} is no plain text`)
  }
  return text
}

function refuse({ number, text }: Line, why: string): never {
  throw new Error(`line ${number}: ${text}: ${why}`)
}

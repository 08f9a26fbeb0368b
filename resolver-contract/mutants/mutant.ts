/** One wrong line: in `file`, which holds `before` exactly once, `after` stands in its place. `name` says what is then wrong. */
export type Mutant = { name: string; file: string; before: string; after: string }

/** Mutants of one file: name, text before, text after. */
export function mutantsOf(
  file: string,
  rows: readonly (readonly [name: string, before: string, after: string])[],
): Mutant[] {
  return rows.map(([name, before, after]) => ({ name, file, before, after }))
}

/** The file with the mutant in it. @throws when its text is not there exactly once, or changes nothing */
export function applyMutant({ name, file, before, after }: Mutant, source: string): string {
  const found = source.split(before).length - 1
  if (found !== 1) throw new Error(`mutant "${name}": ${file} holds its text ${found} times, not once: ${before}`)
  if (before === after) throw new Error(`mutant "${name}" changes nothing`)
  return source.replace(before, () => after)
}

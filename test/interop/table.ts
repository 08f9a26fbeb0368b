/** What became of a cell. */
export type Result =
  /** `note`: what the client cannot do of it. */
  | { status: 'ok'; note?: string }
  | { status: 'failed' }
  /** There is nothing to check: the reason is a fact about the client. */
  | { status: 'none'; reason: string }

/** A row's name, and what became of its cells in the order of the columns. */
export type TableRow = { name: string; results: readonly Result[] }

/** The table, and under it the reasons that its numbers stand for. */
export function renderTable(columns: readonly string[], rows: readonly TableRow[]): string {
  const reasons: string[] = []
  const textOf = (result: Result): string => {
    if (result.status === 'failed') return 'FAILED'
    const [word, reason] = result.status === 'ok' ? ['ok', result.note] : ['no', result.reason]
    if (reason === undefined) return word
    if (!reasons.includes(reason)) reasons.push(reason)
    return `${word} [${reasons.indexOf(reason) + 1}]`
  }
  const lines = [['', ...columns], ...rows.map(({ name, results }) => [name, ...results.map(textOf)])]
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? []
  const table = lines.map((line) =>
    line
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return [...table, '', ...reasons.map((reason, position) => `[${position + 1}] ${reason}`)].join('\n')
}

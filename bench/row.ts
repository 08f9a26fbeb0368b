/** One line of the result: ours, what it is compared with, and ours divided by each of those. */
export type Row = {
  name: string
  unit: string
  ours: number
  peers: Record<string, number>
  ratio: Record<string, number>
  /** How many measurements each value is the median of. */
  runs: number
}

/** Builds a row from medians; ratios are ours / peer. */
export function createRow(
  name: string,
  unit: string,
  runs: number,
  ours: number,
  peers: Record<string, number> = {},
): Row {
  const ratio = Object.fromEntries(Object.entries(peers).map(([peer, value]) => [peer, round(ours / value)]))
  const rounded = Object.fromEntries(Object.entries(peers).map(([peer, value]) => [peer, round(value)]))
  return { name, unit, ours: round(ours), peers: rounded, ratio, runs }
}

/** The middle one, or the mean of the two in the middle. @throws when there is none */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  if (low === undefined || high === undefined) throw new Error('no measurement')
  return (low + high) / 2
}

function round(value: number): number {
  return Number(value.toPrecision(4))
}

/** The rows as a table for people. */
export function renderTable(rows: readonly Row[]): string {
  const lines = rows.flatMap(({ name, unit, ours, peers, ratio, runs }) => [
    [name, `${ours} ${unit}`, '', `median of ${runs}`],
    ...Object.entries(peers).map(([peer, value]) => [`  against ${peer}`, `${value} ${unit}`, `x ${ratio[peer]}`, '']),
  ])
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

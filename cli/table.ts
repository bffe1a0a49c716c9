/** Rows as a plain table, as CSV or as TSV. */
import Table from 'cli-table3'

export interface Rows {
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Columns whose cells stand to the right. */
  readonly right?: readonly string[] | undefined
}

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}

export function formatTable({ header, rows, right = [] }: Rows): string {
  const table = new Table({
    head: [...header],
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: header.map((name) => (right.includes(name) ? 'right' : 'left')),
  })
  for (const row of rows) table.push([...row])
  const lines = table.toString().split('\n')
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}

/** RFC 4180, with '\n' line ends, as Go writes it. */
export function formatDelimited({ header, rows }: Rows, delimiter: ',' | '\t'): string {
  const cell = (text: string) =>
    text.includes(delimiter) || /["\n\r]/.test(text) || text.startsWith(' ')
      ? `"${text.replaceAll('"', '""')}"`
      : text
  return [header, ...rows].map((row) => `${row.map(cell).join(delimiter)}\n`).join('')
}

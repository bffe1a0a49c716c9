/** `thaw bucket inspect`: the blocks of a bucket in the columns of `thanos tools bucket inspect`. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { formatGoDuration } from '#agent/duration.ts'
import {
  OBJSTORE_HELP,
  addObjstoreFlags,
  objstoreFlags,
  openRequiredBucket,
} from '#agent/objstore.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'
import { goTime, labelList, listBlocks } from './bucket-ls.ts'
import type { CliContext } from './context.ts'
import { formatDelimited, formatTable } from './table.ts'

interface Column {
  readonly name: string
  readonly text: (meta: BlockMeta) => string
  /** What `--sort-by` compares, when it isn't the text. */
  readonly order?: ((meta: BlockMeta) => number) | undefined
}

const resolution = (meta: BlockMeta) => meta.thanos?.downsample.resolution ?? 0
const range = (meta: BlockMeta) => meta.maxTime - meta.minTime

function numeric(name: string, value: (meta: BlockMeta) => number): Column {
  return { name, text: (meta) => value(meta).toLocaleString('en-US'), order: value }
}

const COLUMNS: readonly Column[] = [
  { name: 'ULID', text: ({ ulid }) => ulid },
  { name: 'FROM', text: ({ minTime }) => goTime(minTime), order: ({ minTime }) => minTime },
  { name: 'UNTIL', text: ({ maxTime }) => goTime(maxTime), order: ({ maxTime }) => maxTime },
  { name: 'RANGE', text: (meta) => formatGoDuration(range(meta)), order: range },
  { name: 'UNTIL-DOWN', text: untilDownText, order: (meta) => untilDownMs(meta) ?? -Infinity },
  numeric('#SERIES', ({ stats }) => stats.numSeries),
  numeric('#SAMPLES', ({ stats }) => stats.numSamples),
  numeric('#CHUNKS', ({ stats }) => stats.numChunks),
  numeric('COMP-LEVEL', ({ compaction }) => compaction.level),
  { name: 'COMP-FAILED', text: ({ compaction }) => String(compaction.failed ?? false) },
  { name: 'LABELS', text: labelList },
  { name: 'RESOLUTION', text: (meta) => formatGoDuration(resolution(meta)), order: resolution },
  { name: 'SOURCE', text: ({ thanos }) => thanos?.source ?? '' },
]

const HOUR_MS = 3_600_000

/** Raw blocks are downsampled once they span 40 h, 5m ones once they span 10 d, 1h ones never. */
function untilDownMs(meta: BlockMeta): number | undefined {
  if (resolution(meta) === 0) return 40 * HOUR_MS - range(meta)
  return resolution(meta) === 300_000 ? 240 * HOUR_MS - range(meta) : undefined
}

function untilDownText(meta: BlockMeta): string {
  const ms = untilDownMs(meta)
  return ms === undefined ? '-' : formatGoDuration(ms)
}

type InspectOutput = 'table' | 'csv' | 'tsv' | 'json'

export function bucketInspectCommand(context: CliContext): Command {
  const command = new Command('inspect')
    .description('Shows the blocks of a bucket in detail.')
    .option(
      '-l, --selector <name="value">',
      'only blocks with this external label; may be repeated, all must match',
      addSelector,
      [],
    )
    .option(
      '--sort-by <column>',
      'a column, or several with commas; may be repeated (default: FROM,UNTIL)',
      addColumns,
    )
    .addOption(
      new Option('-o, --output <form>', 'form of the list')
        .choices(['table', 'csv', 'tsv', 'json'])
        .default('table'),
    )
    .option('--debug', 'show stack traces of errors')
  return addObjstoreFlags(command)
    .addHelpText('after', HELP)
    .action(async (parsed: Record<string, unknown>) => {
      const bucket = await openRequiredBucket(objstoreFlags(parsed), context.env)
      const selectors = parsed['selector'] as readonly Selector[]
      const sortBy =
        (parsed['sortBy'] as readonly Column[] | undefined) ?? columnsNamed('FROM,UNTIL')
      const metas = (await listBlocks(bucket, context))
        .filter(({ thanos }) =>
          selectors.every(({ name, value }) => thanos?.labels[name] === value),
        )
        .sort((a, b) => compareBy(sortBy, a, b))
      context.write(formatInspection(metas, parsed['output'] as InspectOutput))
    })
}

const HELP = `
Columns: ${COLUMNS.map(({ name }) => name).join(' ')}
UNTIL-DOWN is how much longer a block must get before it is downsampled.
${OBJSTORE_HELP}
Examples:
  $ thaw bucket inspect --objstore.config-file=bucket.yml
  $ thaw bucket inspect -l 'cluster="eu"' --sort-by='#SAMPLES' --objstore.config-file=bucket.yml
  $ thaw bucket inspect -o csv --objstore.config-file=bucket.yml > blocks.csv
`

function formatInspection(metas: readonly BlockMeta[], output: InspectOutput): string {
  const header = COLUMNS.map(({ name }) => name)
  const rows = metas.map((meta) => COLUMNS.map(({ text }) => text(meta)))
  switch (output) {
    case 'table':
      return formatTable({ header, rows, right: ['#SERIES', '#SAMPLES', '#CHUNKS', 'COMP-LEVEL'] })
    case 'csv':
      return formatDelimited({ header, rows }, ',')
    case 'tsv':
      return formatDelimited({ header, rows }, '\t')
    case 'json':
      return `${JSON.stringify(
        rows.map((row) => Object.fromEntries(header.map((name, i) => [name, row[i]]))),
        undefined,
        2,
      )}\n`
    default:
      return output satisfies never
  }
}

function compareBy(columns: readonly Column[], a: BlockMeta, b: BlockMeta): number {
  for (const { text, order } of columns) {
    const [left, right] = order ? [order(a), order(b)] : [text(a), text(b)]
    if (left !== right) return left < right ? -1 : 1
  }
  return a.ulid < b.ulid ? -1 : 1
}

interface Selector {
  readonly name: string
  readonly value: string
}

function addSelector(text: string, previous: readonly Selector[]): Selector[] {
  const match = /^([a-zA-Z_][a-zA-Z0-9_]*)=(?:"(.*)"|([^"].*))$/.exec(text)
  if (match === null) throw new InvalidArgumentError(`write a label such as 'cluster="eu"'.`)
  return [...previous, { name: match[1]!, value: match[2] ?? match[3]! }]
}

function addColumns(text: string, previous: readonly Column[] = []): Column[] {
  return [...previous, ...columnsNamed(text)]
}

function columnsNamed(text: string): Column[] {
  return text.split(',').map((name) => {
    const column = COLUMNS.find((candidate) => candidate.name === name.trim().toUpperCase())
    if (column !== undefined) return column
    throw new InvalidArgumentError(`choose of ${COLUMNS.map((known) => known.name).join(', ')}.`)
  })
}

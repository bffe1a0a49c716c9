/** Columns, forms and sums of `thaw bucket inspect`. */
import { formatGoDuration } from '#agent/duration.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { PartialBlock } from '#lib/blocks/scan.ts'
import { labelsKey, labelsToRecord } from '#lib/model/labels.ts'
import { formatDelimited, formatTable } from '../table.ts'
import { blockBytes, counted, goTime, labelList, sizeText, stateText } from './block-text.ts'

export interface Column {
  readonly name: string
  readonly text: (block: BlockRecord) => string
  /** What `--sort-by` compares, when it isn't the text. */
  readonly order?: ((block: BlockRecord) => number) | undefined
}

const range = ({ minTimeMs, maxTimeMs }: BlockRecord) => maxTimeMs - minTimeMs
const resolution = ({ resolutionMs }: BlockRecord) => resolutionMs

function numeric(name: string, value: (block: BlockRecord) => number): Column {
  return { name, text: (block) => value(block).toLocaleString('en-US'), order: value }
}

/** Thanos's. */
export const COLUMNS: readonly Column[] = [
  { name: 'ULID', text: ({ id }) => id },
  { name: 'FROM', text: ({ minTimeMs }) => goTime(minTimeMs), order: ({ minTimeMs }) => minTimeMs },
  {
    name: 'UNTIL',
    text: ({ maxTimeMs }) => goTime(maxTimeMs),
    order: ({ maxTimeMs }) => maxTimeMs,
  },
  { name: 'RANGE', text: (block) => formatGoDuration(range(block)), order: range },
  { name: 'UNTIL-DOWN', text: untilDownText, order: (block) => untilDownMs(block) ?? -Infinity },
  numeric('#SERIES', ({ seriesCount }) => seriesCount),
  numeric('#SAMPLES', ({ sampleCount }) => sampleCount),
  numeric('#CHUNKS', ({ chunkCount }) => chunkCount),
  numeric('COMP-LEVEL', ({ level }) => level),
  { name: 'COMP-FAILED', text: ({ failed }) => String(failed ?? false) },
  { name: 'LABELS', text: ({ labels }) => labelList(labels) },
  { name: 'RESOLUTION', text: (block) => formatGoDuration(resolution(block)), order: resolution },
  { name: 'SOURCE', text: ({ source }) => source },
]

const HOUR_MS = 3_600_000

/** Raw blocks are downsampled once they span 40 h, 5m ones once they span 10 d, 1h ones never. */
function untilDownMs(block: BlockRecord): number | undefined {
  if (block.resolutionMs === 0) return 40 * HOUR_MS - range(block)
  return block.resolutionMs === 300_000 ? 240 * HOUR_MS - range(block) : undefined
}

function untilDownText(block: BlockRecord): string {
  const ms = untilDownMs(block)
  return ms === undefined ? '-' : formatGoDuration(ms)
}

export function compareBy(columns: readonly Column[], a: BlockRecord, b: BlockRecord): number {
  for (const { text, order } of columns) {
    const [left, right] = order ? [order(a), order(b)] : [text(a), text(b)]
    if (left !== right) return left < right ? -1 : 1
  }
  return a.id < b.id ? -1 : 1
}

export interface Inspection {
  readonly blocks: readonly BlockRecord[]
  readonly partial: readonly PartialBlock[]
}

export function formatBlocks(found: Inspection, output: 'table' | 'csv' | 'tsv' | 'json'): string {
  const { blocks } = found
  const header = COLUMNS.map(({ name }) => name)
  const rows = blocks.map((block) => COLUMNS.map(({ text }) => text(block)))
  switch (output) {
    case 'table': {
      const right = ['#SERIES', '#SAMPLES', '#CHUNKS', 'COMP-LEVEL']
      const withState = rows.map((row, i) => [...row, stateText(blocks[i]!)])
      const table = formatTable({ header: [...header, 'STATE'], rows: withState, right })
      return `${table}\n${sumLines(found)}`
    }
    case 'csv':
      return formatDelimited({ header, rows }, ',')
    case 'tsv':
      return formatDelimited({ header, rows }, '\t')
    case 'json':
      return `${JSON.stringify(inspectionJson(found), undefined, 2)}\n`
    default:
      return output satisfies never
  }
}

interface Sums {
  readonly blocks: number
  readonly streams: number
  readonly samples: number
  readonly chunks: number
  readonly bytes: number
}

function sums(blocks: readonly BlockRecord[]): Sums {
  const sum = (value: (block: BlockRecord) => number) =>
    blocks.reduce((total, block) => total + value(block), 0)
  return {
    blocks: blocks.length,
    streams: new Set(blocks.map(({ labels }) => labelsKey(labels))).size,
    samples: sum(({ sampleCount }) => sampleCount),
    chunks: sum(({ chunkCount }) => chunkCount),
    bytes: sum(blockBytes),
  }
}

function byResolution(blocks: readonly BlockRecord[]): [string, Sums][] {
  const all = [...new Set(blocks.map(resolution))].sort((a, b) => a - b)
  return all.map((ms) => [
    ms === 0 ? 'raw' : formatGoDuration(ms),
    sums(blocks.filter(({ resolutionMs }) => resolutionMs === ms)),
  ])
}

function sumLines({ blocks, partial }: Inspection): string {
  const line = (name: string, { samples, chunks, bytes, ...sum }: Sums) =>
    `${name}: ${counted(sum.blocks, 'block')} of ${counted(sum.streams, 'stream')}, ${counted(samples, 'sample')}, ${counted(chunks, 'chunk')}, ${sizeText(bytes)}\n`
  const some = (count: number, what: string) => (count === 0 ? [] : [`${count} ${what}`])
  const rest = [
    ...some(blocks.filter(({ marks }) => marks.deletion).length, 'marked for deletion'),
    ...some(blocks.filter(({ hidden }) => hidden).length, 'hidden from queries'),
    ...some(blocks.filter(({ marks }) => marks.noCompact).length, 'not to be compacted'),
    ...some(blocks.filter(({ marks }) => marks.noDownsample).length, 'not to be downsampled'),
    ...some(partial.length, 'partial (no block yet, or no more)'),
  ]
  const resolutions = byResolution(blocks)
  return [
    line('total', sums(blocks)),
    ...(resolutions.length > 1 ? resolutions.map(([name, sum]) => line(`  ${name}`, sum)) : []),
    ...(rest.length > 0 ? [`of them: ${rest.join(', ')}\n`] : []),
  ].join('')
}

function inspectionJson({ blocks, partial }: Inspection): unknown {
  return {
    blocks: blocks.map((block) => ({
      ulid: block.id,
      from: goTime(block.minTimeMs),
      until: goTime(block.maxTimeMs),
      range: formatGoDuration(range(block)),
      untilDown: untilDownText(block),
      series: block.seriesCount,
      samples: block.sampleCount,
      chunks: block.chunkCount,
      level: block.level,
      failed: block.failed ?? false,
      labels: labelsToRecord(block.labels),
      resolution: formatGoDuration(block.resolutionMs),
      source: block.source,
      bytes: blockBytes(block),
      marks: block.marks,
      hidden: block.hidden ?? null,
    })),
    partial,
    totals: { ...sums(blocks), resolutions: Object.fromEntries(byResolution(blocks)) },
  }
}

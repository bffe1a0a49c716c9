/**
 * Marks beside packs, which only a plan reads: objects without bytes whose key says all. They sort before the packs, so no listing of
 * a query has them.
 *
 *     thaw/fresh/-<what>/<external label>/…/<epoch>-<from>-<to>-<start>-<end>
 */
import type { ObjectInfo } from '#lib/bucket/bucket.ts'
import {
  type FreshKey,
  FRESH_PREFIX,
  labelsPath,
  type PackSpan,
  readNumber,
  writeNumber,
} from './fresh-key.ts'

/**
 * `empty`: the packs of [from, to) have no sample in [start, end). `broken`: a pack of it can't be read, so that none of it becomes a
 * block.
 */
export type MarkKind = 'empty' | 'broken'

export interface PackMark extends PackSpan {
  readonly key: string
  readonly kind: MarkKind
  /** The external labels, as the key has them. */
  readonly writer: string
  readonly startMs: number
  readonly endMs: number
}

export function markKey(
  kind: MarkKind,
  { labels, epoch, from, to }: PackSpan & Pick<FreshKey, 'labels'>,
  startMs: number,
  endMs: number,
): string {
  const name = [epoch, ...[from, to, startMs, endMs].map(writeNumber)].join('-')
  return [`${FRESH_PREFIX}-${kind}`, labelsPath(labels), name].filter(Boolean).join('/')
}

const MARK = /^-(empty|broken)\/(?:(.*)\/)?([0-9A-Za-z]+)-(\d+)-(\d+)-(n?\d+)-(n?\d+)$/

/** What is no mark is left out. */
export function parseMarks(objects: Iterable<ObjectInfo>): PackMark[] {
  const marks: PackMark[] = []
  for (const { key } of objects) {
    if (!key.startsWith(FRESH_PREFIX)) continue
    const found = MARK.exec(key.slice(FRESH_PREFIX.length))
    if (!found) continue
    const [, kind, writer = '', epoch, from, to, start, end] = found
    marks.push({
      key,
      kind: kind as MarkKind,
      writer,
      epoch: epoch!,
      from: Number(from),
      to: Number(to),
      startMs: readNumber(start!),
      endMs: readNumber(end!),
    })
  }
  return marks
}

/** The symbols of several blocks together, as an index begins with them. */
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { compareUtf8 } from '#lib/model/labels.ts'
import { writeIndexHead } from '#lib/tsdb/index/index-writer.ts'
import { parseSymbols, type Symbols } from '#lib/tsdb/index/symbols.ts'
import { INDEX_HEADER_SIZE } from '#lib/tsdb/index/toc.ts'

/** Header and symbol section of an index. Like Prometheus, also of symbols that no series has any more. */
export function mergeSymbols(tables: readonly Symbols[]): Uint8Array {
  const out = new ByteWriter(1 << 16)
  writeIndexHead(out, merged(tables))
  return out.bytes()
}

/** Those of `mergeSymbols`. Throws CorruptError. */
export function parseMergedSymbols(head: Uint8Array): Symbols {
  return parseSymbols(head.subarray(INDEX_HEADER_SIZE), 2, INDEX_HEADER_SIZE)
}

/** Sorted and unique; '' is always there, as in Prometheus's blocks. */
function* merged(tables: readonly Symbols[]): Generator<string> {
  const heads = tables.map((table) => ({ table, at: 0, text: textAt(table, 0) }))
  let last: string | undefined = undefined
  let text: string | undefined = ''
  for (; text !== undefined; text = least(heads)) {
    if (text !== last) yield text
    last = text
    for (const head of heads) {
      if (head.text === text) head.text = textAt(head.table, ++head.at)
    }
  }
}

function least(heads: readonly { readonly text: string | undefined }[]): string | undefined {
  let first: string | undefined
  for (const { text } of heads) {
    if (text === undefined) continue
    if (first === undefined || compareUtf8(text, first) < 0) first = text
  }
  return first
}

function textAt(table: Symbols, index: number): string | undefined {
  return index < table.size ? table.at(index) : undefined
}

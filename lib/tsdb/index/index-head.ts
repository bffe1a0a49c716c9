/** What is in front of the series in an index of version 2: magic, version and symbols. */
import { DomainError } from '#lib/model/errors.ts'
import { compareUtf8 } from '#lib/model/labels.ts'
import type { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { INDEX_HEADER_SIZE, INDEX_MAGIC } from './toc.ts'

/** Symbols sorted by bytes and unique. */
export function writeIndexHead(out: ByteWriter, symbols: Iterable<string>): void {
  startIndexHead(out)
  let count = 0
  let before: string | undefined
  for (const symbol of symbols) {
    if (before !== undefined && compareUtf8(before, symbol) >= 0) {
      throw new DomainError('invalid', `symbol ${JSON.stringify(symbol)} is out of order`)
    }
    out.string(symbol)
    before = symbol
    count++
  }
  finishIndexHead(out, count)
}

/** `out` is empty; symbols with their lengths are appended to it afterwards. */
export function startIndexHead(out: ByteWriter): void {
  out.uint32(INDEX_MAGIC)
  out.uint8(2)
  out.uint32(0)
  out.uint32(0)
}

/** When `count` symbols are there. */
export function finishIndexHead(out: ByteWriter, count: number): void {
  const size = out.length - INDEX_HEADER_SIZE - 4
  if (size > 0xffff_ffff) throw new DomainError('limit', `symbol table of ${size} bytes`)
  out.patchUint32(INDEX_HEADER_SIZE, size)
  out.patchUint32(INDEX_HEADER_SIZE + 4, count)
  out.crc(INDEX_HEADER_SIZE + 4)
}

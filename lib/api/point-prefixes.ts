/** What the points of all series of an answer begin with, encoded once. */
import { JsonBytes, NUMBER_ROOM } from './json-bytes.ts'

/** Beginnings of points that many series share, in words of four bytes: `stride` of them each, of which `lengths` bytes count. */
export interface Prefixes {
  readonly words: Int32Array
  readonly stride: number
  readonly lengths: Uint8Array
}

/** `,[<seconds>,"` of every time. */
export function pointPrefixes(count: number, timeMs: (index: number) => number): Prefixes {
  const out = new JsonBytes(Infinity, count * 20 + NUMBER_ROOM)
  const ends = Uint32Array.from({ length: count }, (_, index) => {
    out.reserve(NUMBER_ROOM)
    out.rawAscii(',[')
    out.rawTimestamp(timeMs(index))
    out.rawAscii(',"')
    return out.length
  })
  const lengths = Uint8Array.from(ends, (end, index) => end - (index > 0 ? ends[index - 1]! : 0))
  const stride = Math.ceil(lengths.reduce((most, length) => Math.max(most, length), 0) / 4)
  const words = new Int32Array(count * stride)
  const bytes = Buffer.from(out.bytes())
  for (let index = 0, from = 0; index < count; from = ends[index++]!) {
    const word = Buffer.alloc(4 * stride)
    bytes.copy(word, 0, from, ends[index])
    for (let i = 0; i < stride; i++) words[index * stride + i] = word.readInt32BE(4 * i)
  }
  return { words, stride, lengths }
}

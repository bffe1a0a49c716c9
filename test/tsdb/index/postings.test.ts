/** Postings lists and the set operations on them, against plain sets. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { intersectPostings, parsePostings, unionPostings } from '#lib/tsdb/index/postings.ts'

const list = (max: number, maxLength: number): fc.Arbitrary<Uint32Array> =>
  fc.uniqueArray(fc.nat(max), { maxLength }).map((ids) => Uint32Array.from(ids).sort())
/** Dense, sparse, and so short that the other one is galloped over. */
const any = fc.oneof(list(60, 40), list(4_000_000_000, 20), list(100_000, 2), list(5000, 300))

describe('postings', () => {
  it('intersect', () => {
    fc.assert(
      fc.property(any, any, (a, b) => {
        const other = new Set(b)
        expect([...intersectPostings(a, b)]).toEqual([...a].filter((id) => other.has(id)))
      }),
      { numRuns: 500 },
    )
  })

  it('unite, few or many', () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 6 }), (lists) => {
        const all = [...new Set(lists.flatMap((one) => [...one]))].sort((a, b) => a - b)
        expect([...unionPostings(lists)]).toEqual(all)
      }),
      { numRuns: 500 },
    )
  })

  it('are galloped over to their last', () => {
    const long = Uint32Array.from({ length: 10_000 }, (_, i) => i * 3)
    expect([...intersectPostings(Uint32Array.of(0, 1, 299, 300, 29_997, 4e9), long)]).toEqual([
      0, 300, 29_997,
    ])
  })

  it('whose count is not that of their bytes are rejected', () => {
    const out = new ByteWriter()
    out.uint32(8)
    const from = out.length
    out.uint32(0xffff_ffff)
    out.uint32(7)
    out.crc(from)
    expect(() => parsePostings(out.bytes())).toThrow('4294967295 postings in 4 bytes at byte 4')
  })
})

/** Broken logs: each cut gives what was whole, each flipped bit is noticed or harmless, and nothing hangs. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { decodeRecord } from '#lib/tsdb/wal/record.ts'
import { readRecords } from '#lib/tsdb/wal/records.ts'
import { errorOf, isCorruptOrNone } from '../../bytes/error-of.ts'
import { decodeZstd } from './read-wal.ts'

/** Of each segment; shorter ones to where their padding begins. */
const MOST_BYTES = 1200

const SEGMENTS = [
  'wal-2.42/00000000',
  'wal-2.53/wal/checkpoint.00000002/00000000',
  'wal-2.53/wal/00000006',
  'wal-2.53/wbl/00000006',
  'wal-3.14/00000000',
  'wal-3.14-start-times/00000000',
]

/** The records in it, and whether it ended with an error of ours. */
function read(bytes: Uint8Array): { records: string[]; rejected: boolean } {
  const records: string[] = []
  const error = errorOf(() =>
    readRecords(bytes, 0, decodeZstd, (record) => records.push(String(record))),
  )
  if (!isCorruptOrNone(error)) throw error
  return { records, rejected: error !== undefined }
}

describe.each(SEGMENTS)('the segment %s', (name) => {
  const whole = new Uint8Array(readFileSync(join('test/data', name)))
  const size = Math.min(MOST_BYTES, whole.findLastIndex((byte) => byte !== 0) + 1)
  const bytes = whole.subarray(0, size)
  const { records } = read(bytes)
  /** Where fragments begin: their flags are in no checksum. */
  const headers = new Set<number>()
  for (let at = 0; at < size; at += 7 + whole[at + 1]! * 256 + whole[at + 2]!) headers.add(at)

  it('is not corrupt wherever it is cut', () => {
    expect(records.length).toBeGreaterThan(3)
    for (let end = 0; end < size; end++) {
      const cut = read(bytes.subarray(0, end))
      expect(cut.rejected).toBe(false)
      expect(cut.records).toEqual(records.slice(0, cut.records.length))
    }
  })

  it('never gives another record for a flipped bit', () => {
    const copy = bytes.slice()
    let rejected = 0
    for (let at = 0; at < size; at++) {
      for (let bit = 0; bit < 8; bit++) {
        // Whether a record is compressed is said there alone; what comes of that is the next test's.
        if (headers.has(at) && (bit === 3 || bit === 4)) continue
        copy[at] = bytes[at]! ^ (1 << bit)
        const flipped = read(copy)
        expect(flipped.records).toEqual(records.slice(0, flipped.records.length))
        if (flipped.rejected) rejected++
      }
      copy[at] = bytes[at]!
    }
    expect(rejected).toBeGreaterThan(size * 6)
  })

  it('gives records or our error where the compression is another', () => {
    for (const at of headers) {
      for (const bit of [3, 4]) {
        const copy = bytes.slice()
        copy[at]! ^= 1 << bit
        expect(read(copy).records.length).toBeLessThanOrEqual(records.length)
      }
    }
  })
})

describe('records of the golden logs', () => {
  const records: Uint8Array[] = []
  for (const name of SEGMENTS) {
    const bytes = new Uint8Array(readFileSync(join('test/data', name)))
    const byType = new Map<number, number>()
    readRecords(bytes, 0, decodeZstd, (record) => {
      const seen = byType.get(record[0]!) ?? 0
      byType.set(record[0]!, seen + 1)
      if (seen < 3) records.push(record.slice())
    })
  }

  it('are whole or corrupt wherever they are cut, and with any bit flipped', () => {
    let corrupt = 0
    const attempt = (bytes: Uint8Array): void => {
      const error = errorOf(() => decodeRecord(bytes))
      expect(error).toSatisfy(isCorruptOrNone)
      if (error !== undefined) corrupt++
    }
    const types = records.map(([type]) => type)
    expect(new Set(types)).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13]))
    for (const record of records) {
      for (let size = 0; size < record.length; size++) attempt(record.subarray(0, size))
      for (let at = 0; at < record.length; at++) {
        for (let bit = 0; bit < 8; bit++) {
          const copy = record.slice()
          copy[at]! ^= 1 << bit
          attempt(copy)
        }
      }
    }
    expect(corrupt).toBeGreaterThan(records.length * 10)
  })
})

describe('random bytes', () => {
  let state = 12_345
  const next = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state >>> 16
  }
  const random = (size: number): Uint8Array =>
    Uint8Array.from({ length: size }, () => next() & 0xff)

  it('are records or our error', () => {
    for (let i = 0; i < 20_000; i++) {
      const bytes = random(1 + (next() % 200))
      bytes[0] = 1 + (i % 13)
      // Half of them with small numbers, to come further.
      if (i % 2 === 0) for (let j = 1; j < bytes.length; j++) bytes[j]! &= 3
      expect(errorOf(() => decodeRecord(bytes))).toSatisfy(isCorruptOrNone)
    }
  })

  it('are no segment', () => {
    let records = 0
    for (let i = 0; i < 5000; i++) records += read(random(next() % 300)).records.length
    expect(records).toBe(0)
  })
})

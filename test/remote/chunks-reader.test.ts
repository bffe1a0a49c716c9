/** Streamed answers of remote read, in pieces of every size, and what is no such answer. */
import { describe, expect, it } from 'vitest'
import { FrameSplitter, readFrame } from '#lib/remote/chunks-reader.ts'
import { BROKEN_FRAME, ChunkedReadWriter } from '#lib/remote/read-chunks.ts'
import { columns, every } from '#test/store/sample-block.ts'
import { decodeChunks } from './read-message.ts'

const A = ['__name__', 'm', 'a', 'x']
const B = ['__name__', 'm', 'a', 'ü']

function answer(): Uint8Array<ArrayBuffer> {
  const writer = new ChunkedReadWriter(1e9, 200)
  writer.add(
    0,
    A,
    every(15_000, 0, 6_000_000, (t) => Math.sin(t)),
  )
  writer.add(
    1,
    B,
    columns([
      [1000, 1],
      [2000, -0],
    ]),
  )
  return writer.take()
}

/** Labels and number of samples of each frame. */
function read(pieces: readonly Uint8Array[]): [string, number][] {
  const frames = new FrameSplitter()
  const found: [string, number][] = []
  for (const piece of pieces) {
    for (const frame of frames.push(piece)) {
      for (const { labels, chunks } of readFrame(frame).series) {
        const counts = chunks.map(({ data }) => (data[0]! << 8) | data[1]!)
        found.push([labels.join(), counts.reduce((sum, count) => sum + count, 0)])
      }
    }
  }
  frames.end()
  return found
}

describe('FrameSplitter', () => {
  const whole = answer()
  const expected = read([whole])

  it('finds every frame and what is in it', () => {
    expect(expected.filter(([labels]) => labels === A.join()).length).toBeGreaterThan(1)
    expect(expected.at(-1)).toEqual([B.join(), 2])
    const samples = decodeChunks(whole)
      .filter(({ queryIndex }) => queryIndex === 0)
      .flatMap((series) => [...series.samples.values])
    expect(samples).toEqual(Array.from({ length: 400 }, (_, i) => Math.sin(i * 15_000)))
  })

  it.each([1, 2, 3, 7, 64, 1000])('takes pieces of %i bytes', (size) => {
    const pieces: Uint8Array[] = []
    for (let at = 0; at < whole.length; at += size) pieces.push(whole.subarray(at, at + size))
    expect(read(pieces)).toEqual(expected)
  })

  it('takes an answer without series, and a frame without bytes', () => {
    expect(read([])).toEqual([])
    expect(read([Uint8Array.of(0, 0, 0, 0, 0)])).toEqual([])
  })

  it('copies only frames that come in several pieces', () => {
    const frames = new FrameSplitter()
    const [first] = [...frames.push(whole.subarray(0, whole.length - 1))]
    expect(first!.buffer).toBe(whole.buffer)
    const [last] = [...frames.push(whole.subarray(whole.length - 1))]
    expect(last!.buffer).not.toBe(whole.buffer)
  })

  it('refuses an answer that ends early, at any byte', () => {
    // Where a frame ends, nobody can know that another was to come.
    const ends = new Set<number>()
    let bytes = 0
    const frames = new FrameSplitter()
    for (let i = 0; i < whole.length; i++) {
      bytes++
      if ([...frames.push(whole.subarray(i, i + 1))].length > 0) ends.add(bytes)
    }
    for (let size = 1; size < whole.length; size++) {
      if (ends.has(size)) continue
      expect(() => read([whole.subarray(0, size)])).toThrow(
        `the answer ends within a frame at byte ${size}`,
      )
    }
  })

  it('refuses a bit that was flipped', () => {
    for (let at = 0; at < whole.length; at += 13) {
      const bad = new Uint8Array(whole)
      bad[at]! ^= 1
      expect(() => read([bad])).toThrow(/at byte \d+$/)
    }
  })

  it('refuses an answer that broke off, at whatever frame', () => {
    expect(() => read([whole, BROKEN_FRAME])).toThrow(/at byte \d+$/)
    expect(() => read([BROKEN_FRAME])).toThrow(/at byte \d+$/)
  })

  it('refuses a frame that is too large before it makes room for it', () => {
    const head = Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x0f, 1, 2, 3, 4)
    expect(() => read([head])).toThrow('frame of 4026531840 bytes, more than 50000000 at byte 9')
  })

  it('refuses a length without an end', () => {
    expect(() => read([new Uint8Array(20).fill(0xff)])).toThrow('length of a frame overflows')
  })
})

import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { beginPieces, joinPieces, streamBody } from '#lib/api/pieces.ts'
import { isKind } from '#lib/model/errors.ts'

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

interface Made {
  count: number
  ended: boolean
}

function* pieces(count: number, made: Made = { count: 0, ended: false }, size = 1) {
  try {
    for (let i = 0; i < count; i++) {
      made.count++
      yield bytes(String(i % 10).repeat(size))
    }
  } finally {
    made.ended = true
  }
}

async function* failing(after: number) {
  yield* pieces(after)
  throw new Error('no more')
}

const OPTIONS = { acceptEncoding: '', failed: () => {} }

async function read(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Uint8Array>))
}

describe('a body in pieces', () => {
  it('is joined where it is sent whole', async () => {
    expect(Buffer.from(await joinPieces(pieces(12))).toString()).toBe('012345678901')
    await expect(joinPieces(failing(2))).rejects.toThrow('no more')
  })

  it('is begun before its answer, and whole where it is short', async () => {
    expect(await beginPieces(pieces(0))).toEqual(new Uint8Array(0))
    expect(await beginPieces(pieces(1))).toEqual(bytes('0'))
    await expect(beginPieces(failing(0))).rejects.toThrow('no more')
    const made = { count: 0, ended: false }
    const begun = await beginPieces(pieces(5, made))
    expect(made.count).toBe(2)
    const { body } = streamBody(begun as AsyncIterable<Uint8Array<ArrayBuffer>>, OPTIONS)
    expect((await read(body)).toString()).toBe('01234')
  })

  it.each([
    ['gzip', gunzipSync],
    ['zstd', zstdDecompressSync],
  ] as const)('is packed as %s on its way', async (acceptEncoding, unpack) => {
    const { body, encoding } = streamBody(pieces(100, undefined, 1000), {
      ...OPTIONS,
      acceptEncoding,
    })
    expect(encoding).toBe(acceptEncoding)
    const packed = await read(body)
    expect(packed.length).toBeLessThan(10_000)
    expect(unpack(packed).equals(await joinPieces(pieces(100, undefined, 1000)))).toBe(true)
  })

  it.each(['', 'gzip'])(
    'is made no faster than it is taken, and no further (%s)',
    async (accept) => {
      const made = { count: 0, ended: false }
      const many = pieces(1000, made, 64 * 1024)
      const { body } = streamBody(many, { ...OPTIONS, acceptEncoding: accept })
      const reader = body.getReader()
      await reader.read()
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect(made.count).toBeLessThan(200)
      await reader.cancel()
      await expect.poll(() => made.ended).toBe(true)
      expect(made.count).toBeLessThan(200)
    },
  )

  it('breaks off where making it fails, says why, and cannot pass for whole', async () => {
    const failures: unknown[] = []
    const { body } = streamBody(failing(3), {
      acceptEncoding: '',
      breakOff: bytes('!'),
      failed: (error) => failures.push(error),
    })
    const seen: string[] = []
    await expect(
      (async () => {
        for await (const chunk of body as AsyncIterable<Uint8Array>)
          seen.push(Buffer.from(chunk).toString())
      })(),
    ).rejects.toThrow('no more')
    expect(seen.join('')).toBe('012!')
    expect(failures).toHaveLength(1)
  })

  it('breaks off past its limit', async () => {
    const failures: unknown[] = []
    const { body } = streamBody(pieces(100), {
      acceptEncoding: '',
      maxBytes: 50,
      failed: (error) => failures.push(error),
    })
    await expect(read(body)).rejects.toThrow('larger than 50 bytes')
    expect(isKind(failures[0], 'limit')).toBe(true)
  })
})

import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { chooseEncoding, encodeBody } from '#lib/api/compression.ts'

/** Text that compresses, with enough variety for levels to differ. */
function body(lines: number): Uint8Array<ArrayBuffer> {
  let seed = 7
  let text = ''
  for (let i = 0; i < lines; i++) {
    seed = (seed * 48271) % 2147483647
    text += `[${1_700_000_000 + i * 15},"${seed % 1000}"],`
  }
  return new TextEncoder().encode(text)
}

describe('chooseEncoding', () => {
  it.each([
    ['gzip', 'gzip'],
    ['deflate, GZIP;q=0.5', 'gzip'],
    ['zstd,gzip', 'zstd'],
    ['gzip, zstd', 'gzip'],
    ['gzip;q=0.000, zstd;q=0', undefined],
    ['identity, br, deflate', undefined],
    ['', undefined],
  ])('takes from %j %s', (accept, encoding) => {
    expect(chooseEncoding(accept)).toBe(encoding)
  })
})

describe('encodeBody', () => {
  it('tries harder when the fast level does not fit', async () => {
    const large = body(40_000)
    const fast = (await encodeBody(large, 'gzip')).body.length
    const encoded = await encodeBody(large, 'gzip', fast - 1)
    expect(encoded.body.length).toBeLessThan(fast)
    expect(gunzipSync(encoded.body).equals(large)).toBe(true)
  })

  it('refuses what fits at no level', async () => {
    await expect(encodeBody(body(40_000), 'gzip', 1000)).rejects.toMatchObject({
      kind: 'limit',
      limit: 1000,
    })
  })
})

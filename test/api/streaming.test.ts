/** An API whose answers are sent as they are made: when it can still say what is wrong, and how it ends when it can't. */
import type { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { beginTestApp, type StreamedApp } from './streaming-app.ts'
import { BROKEN_FRAME } from '#lib/remote/read-chunks.ts'
import { CHUNKS, encodeReadRequest } from '#lib/remote/read-request.ts'
import { decodeChunks } from '#test/remote/read-message.ts'

const QUERY = { startMs: 0, endMs: 1e6, matchers: [{ type: '=', name: 'a', value: 'b' } as const] }

function read(app: Hono): Response | Promise<Response> {
  const body = encodeReadRequest([QUERY], [CHUNKS])
  return app.request('/api/v1/read', { method: 'POST', body })
}

/** What came, and what it ended with. */
async function received(response: Response): Promise<{ bytes: Buffer; error?: unknown }> {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>)
      chunks.push(chunk)
    return { bytes: Buffer.concat(chunks) }
  } catch (error) {
    return { bytes: Buffer.concat(chunks), error }
  }
}

describe('a streamed answer', () => {
  const whole = (failsAt: number): StreamedApp => beginTestApp({ series: 20, failsAt })

  it('is what a whole one is, without its length', async () => {
    const { app } = whole(Infinity)
    const response = await read(app)
    expect([response.status, response.headers.get('content-length')]).toEqual([200, null])
    const { bytes, error } = await received(response)
    expect(error).toBeUndefined()
    expect(decodeChunks(bytes)).toHaveLength(20)
  })

  it('has its status where it fails from the start', async () => {
    const { app, logged } = whole(0)
    const response = await read(app)
    expect([response.status, await response.text()]).toEqual([500, 'chunk 0 is broken at byte 7\n'])
    expect(logged).toHaveLength(1)
  })

  it('breaks off with a frame that nobody takes where it fails later, and says why in the log', async () => {
    const { app, logged } = whole(10)
    const response = await read(app)
    expect(response.status).toBe(200)
    const { bytes, error } = await received(response)
    expect(String(error)).toContain('chunk 10 is broken')
    const sent = bytes.subarray(0, -BROKEN_FRAME.length)
    expect(bytes.subarray(-BROKEN_FRAME.length).equals(BROKEN_FRAME)).toBe(true)
    expect(decodeChunks(sent)).toHaveLength(10)
    expect(logged).toEqual(['chunk 10 is broken at byte 7'])
  })

  it('makes no more series than are taken', async () => {
    const { app, decoded } = beginTestApp({ series: 10_000, failsAt: Infinity })
    const response = await read(app)
    const reader = response.body!.getReader()
    await reader.read()
    await reader.cancel()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(decoded()).toBeLessThan(5000)
  })

  it('of a query is JSON in pieces, and compressed on its way', async () => {
    const { app } = whole(Infinity)
    const ask = async (encoding: string) =>
      await app.request('/api/v1/query_range?query=up&start=0&end=1000&step=1', {
        headers: { 'accept-encoding': encoding },
      })
    const [plain, packed] = [await ask('identity'), await ask('gzip')]
    expect(plain.headers.get('content-length')).toBeNull()
    expect(packed.headers.get('content-encoding')).toBe('gzip')
    const unpacked = new Response(packed.body!.pipeThrough(new DecompressionStream('gzip')))
    const text = await plain.text()
    expect(await unpacked.text()).toBe(text)
    expect(JSON.parse(text)).toMatchObject({ status: 'success', data: { resultType: 'matrix' } })
  })
})

import { once } from 'node:events'
import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { HttpEvent } from '#lib/lambda/http.ts'
import { answerStreaming, type HttpPrelude } from '#lib/lambda/stream-http.ts'

const EVENT: HttpEvent = {
  rawPath: '/x',
  rawQueryString: '',
  headers: {},
  isBase64Encoded: false,
  requestContext: { http: { method: 'GET' } },
}

/** What Lambda gives to write to; `isSlow` takes nothing before it is told to. */
class Target extends Writable {
  readonly chunks: Buffer[] = []
  prelude: HttpPrelude | undefined
  writes = 0
  #release: (() => void) | undefined
  readonly #isSlow: boolean

  constructor(isSlow = false) {
    super({ highWaterMark: 10 })
    this.#isSlow = isSlow
    const write = this.write.bind(this) as (chunk: unknown) => boolean
    this.write = (chunk: unknown): boolean => {
      this.writes++
      return write(chunk)
    }
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk)
    if (this.#isSlow) this.#release = done
    else done()
  }

  release(): void {
    this.#release?.()
  }

  answer(respond: (request: Request) => Response | Promise<Response>): Promise<void> {
    const begin = (prelude: HttpPrelude): Writable => {
      this.prelude = prelude
      return this
    }
    return answerStreaming({ fetch: respond }, EVENT, { closed: this, begin })
  }
}

interface Made {
  count: number
  ended: boolean
}

function endless(made: Made): ReadableStream<Uint8Array> {
  async function* chunks() {
    try {
      for (;;) {
        made.count++
        yield Buffer.alloc(100)
      }
    } finally {
      made.ended = true
    }
  }
  return ReadableStream.from(chunks())
}

describe('a streamed answer', () => {
  it('says status, headers and cookies first, and not how long it is', async () => {
    const target = new Target()
    const headers = new Headers({ 'content-type': 'text/plain', 'content-length': '2' })
    headers.append('set-cookie', 'a=1')
    headers.append('set-cookie', 'b=2')
    await target.answer(() => new Response('ok', { status: 203, headers }))
    expect(target.prelude).toEqual({
      statusCode: 203,
      headers: { 'content-type': 'text/plain' },
      cookies: ['a=1', 'b=2'],
    })
    expect(Buffer.concat(target.chunks).toString()).toBe('ok')
    expect(target.writableEnded).toBe(true)
  })

  it.each([null, ''])('writes once where there is no body (%j)', async (body) => {
    const target = new Target()
    await target.answer(() => new Response(body, { status: 200 }))
    expect(target.writes).toBe(1)
    expect(target.writableEnded).toBe(true)
  })

  it('is made no faster than it is taken, and not at all when nobody takes it', async () => {
    const target = new Target(true)
    const made = { count: 0, ended: false }
    let gone: AbortSignal | undefined
    const answered = target.answer((request) => {
      gone = request.signal
      return new Response(endless(made))
    })
    answered.catch(() => {})
    await expect.poll(() => target.chunks.length).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(made.count).toBeLessThan(6)
    target.release()
    await expect.poll(() => target.chunks.length).toBe(2)
    expect(gone!.aborted).toBe(false)
    target.destroy()
    await expect(answered).rejects.toThrow(/abort|any more/)
    expect(gone!.aborted).toBe(true)
    expect(made.ended).toBe(true)
    expect(made.count).toBeLessThan(10)
  })

  it('ends the work where the client is gone before there is an answer', async () => {
    const target = new Target()
    const answered = target.answer(async ({ signal }) => {
      target.destroy()
      await once(signal, 'abort')
      return new Response('late')
    })
    await expect(answered).rejects.toThrow('nobody takes the answer any more')
    expect(target.prelude).toBeUndefined()
  })

  it('does not end an answer that breaks off', async () => {
    const target = new Target()
    async function* chunks() {
      yield Buffer.from('half')
      throw new Error('no more')
    }
    const answered = target.answer(() => new Response(ReadableStream.from(chunks())))
    await expect(answered).rejects.toThrow('no more')
    expect(target.writableEnded).toBe(false)
  })
})

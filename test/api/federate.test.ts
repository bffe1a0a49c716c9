/** What the golden answers of a real Prometheus do not show: whom it asks, and what fails. */
import { describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '#lib/api/parts.ts'
import { DomainError } from '#lib/model/errors.ts'
import { columns, labels } from '#test/store/sample-block.ts'
import { NOW_MS, testApp } from './fake-backend.ts'

describe('federate', () => {
  it('asks for the lookback before now, and for whole answers', async () => {
    const { app, asked } = testApp()
    await app.request('/federate?match[]=up&match[]={job="x"}&dedup=false')
    expect(asked.selects).toHaveLength(2)
    expect(asked.selects[0]).toMatchObject({
      request: {
        matchers: [{ type: '=', name: '__name__', value: 'up' }],
        startMs: NOW_MS - 300_000,
        endMs: NOW_MS,
      },
      scope: { dedup: false, partialResponse: false },
    })
  })

  it('gives half a page only to who asks for it', async () => {
    const { app, asked } = testApp()
    await app.request('/federate?match[]=up&partial_response=true')
    expect(asked.selects[0]!.scope.partialResponse).toBe(true)
  })

  it('is compressed', async () => {
    const stored = [{ labels: labels({ __name__: 'up' }), samples: columns([[NOW_MS, 1]]) }]
    const response = await testApp({ stored }).app.request('/federate?match[]=up', {
      headers: { 'accept-encoding': 'gzip' },
    })
    expect(response.headers.get('content-encoding')).toBe('gzip')
  })

  it('fails as text', async () => {
    const fails = new DomainError('unavailable', 'the bucket is gone')
    const response = await testApp({ fails }).app.request('/federate?match[]=up')
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect([response.status, await response.text()]).toEqual([503, 'the bucket is gone\n'])
  })

  it('refuses a page that is too large', async () => {
    const stored = ['a', 'b'].map((name) => ({
      labels: labels({ __name__: name }),
      samples: columns([[NOW_MS, 1]]),
    }))
    const limits = { ...DEFAULT_LIMITS, maxAnswerBytes: 60 }
    const { app } = testApp({ stored }, { limits })
    const one = await app.request('/federate?match[]=a')
    expect([one.status, await one.text()]).toEqual([
      200,
      `# TYPE a untyped\na{instance=""} 1 ${NOW_MS}\n`,
    ])
    const both = await app.request('/federate?match[]={__name__=~".*"}')
    expect([both.status, await both.text()]).toEqual([
      422,
      'the page is larger than 60 bytes; ask for fewer series\n',
    ])
  })
})

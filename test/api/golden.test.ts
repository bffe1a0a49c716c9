/** Our answers against those of a real Prometheus without data, byte for byte. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { QueryRequest } from '#lib/promql/backend.ts'
import type { QueryValue } from '#lib/promql/result.ts'
import { constant, emptyVector, testApp } from './fake-backend.ts'
import { REQUESTS, type Golden } from './golden/requests.ts'

const golden = JSON.parse(
  readFileSync(new URL('golden/prometheus-3.14.0.json', import.meta.url), 'utf8'),
) as Golden

function evaluate({ text, grid }: QueryRequest): QueryValue {
  if (text.startsWith('"')) return { type: 'string', value: text.slice(1, -1) }
  const number = Number(text)
  return Number.isNaN(number) ? emptyVector() : constant(number, grid)
}

describe(`answers as ${golden.server}`, () => {
  it('was recorded from the requests as they are now', () => {
    expect(golden.answers.map(({ method, path, body }) => ({ method, path, body }))).toEqual(
      REQUESTS.map(({ method, path, body }) => ({ method, path, body })),
    )
  })

  const { app } = testApp({ values: evaluate }, { metrics: async () => '' })
  for (const { method = 'GET', path, body, contentType, ...expected } of golden.answers) {
    const sent = body === undefined ? '' : ` ${body} (${contentType})`
    it(`${method} ${path}${sent}`, async () => {
      const response = await app.request(path, {
        method,
        ...(body === undefined ? {} : { body, headers: { 'content-type': contentType! } }),
      })
      expect({
        status: response.status,
        // Go names no type for the body that HEAD leaves out.
        type: method === 'HEAD' ? expected.type : response.headers.get('content-type'),
        allow: response.headers.get('allow'),
        answer: await response.text(),
      }).toEqual(expected)
    })
  }
})

/** An API that is away, open, another one, or over another bucket; tokens that are refused. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe } from 'vitest'
import { ulid } from 'ulid'
import { revokeToken, rotateToken } from '#lib/auth/edit-tokens.ts'
import { type Ailment, itFinds } from './ailment.ts'
import {
  endInstallation,
  HOUR,
  type Installation,
  makeInstallation,
  MINUTE,
  prometheusPages,
  putToken,
  serve,
} from './installation.ts'

const tokenParts = ({ bucket }: Installation) => ({
  bucket,
  now: Date.now,
  newUlid: () => ulid(),
  random: (length: number) => new Uint8Array(length).fill(7),
})

const AILMENTS: readonly Ailment[] = [
  {
    name: 'an API that is down',
    ail: async () => ({ url: 'http://127.0.0.1:1' }),
    level: 'wrong',
    found: /^api answers: the API does not answer: no connection to http:\/\/127\.0\.0\.1:1/,
    next: /correct --url/,
    also: ['api door', 'api a sample of'],
  },
  {
    name: 'an API that hangs',
    ail: async ({ ends }) => ({ url: await serve({ '*': 'hang' }, ends) }),
    level: 'wrong',
    found: /^api answers: the API does not answer: no answer within 2s$/,
    next: /correct --url/,
    also: ['api door', 'api a sample of'],
  },
  {
    name: 'an API that fails',
    ail: async ({ ends }) => ({ url: await serve({ '*': 503 }, ends) }),
    level: 'wrong',
    found: /^api answers: the API answers 503$/,
    next: /throttled account/,
    also: ['api door', 'api a sample of'],
  },
  {
    name: 'an API that is throttled',
    ail: async ({ ends }) => ({ url: await serve({ '*': 429 }, ends) }),
    level: 'wrong',
    found: /^api answers: the API is asked more than it lets in \(429\)/,
    next: /requestsPerSecond/,
    also: ['api door', 'api a sample of'],
  },
  {
    name: 'a page of the web in the place of the API',
    ail: async ({ ends }) => ({ url: await serve({ '*': '<html>welcome</html>' }, ends) }),
    level: 'wrong',
    found: /^api answers: what answers at http.* is no Prometheus API: 200 <html>/,
    next: /without \/api\/v1/,
    also: ['api newest samples', 'api a sample of'],
  },
  {
    name: 'a Prometheus in the place of the API',
    ail: async ({ prometheus, flags }) => {
      prometheus['/api/v1/status/buildinfo'] =
        '{"status":"success","data":{"version":"3.1.0","branch":"HEAD"}}'
      prometheus['/api/v1/label/__name__/values'] = '{"status":"success","data":["up"]}'
      return { url: flags['prometheus.url']! }
    },
    level: 'warning',
    found: /^api answers: what answers is no thaw, but a Prometheus API of version 3.1.0/,
    next: /output Url of the stack/,
  },
  {
    name: 'no token',
    ail: async () => ({ 'token-file': '' }),
    level: 'unchecked',
    found: /^api answers: the API wants a token, and none was given/,
    next: /thaw token create doctor/,
    also: ['api a sample of'],
  },
  {
    name: 'a token that was revoked',
    ail: async (all) => void (await revokeToken(tokenParts(all), 'grafana')),
    level: 'wrong',
    found: /^api answers: the API refuses these credentials: the token grafana was revoked/,
    next: /thaw token create/,
    also: ['api a sample of'],
  },
  {
    name: 'the old secret of a token that was rotated',
    ail: async (all) => void (await rotateToken(tokenParts(all), 'grafana', { overlapMs: 0 })),
    level: 'wrong',
    found:
      /^api answers: the API refuses these credentials: the token grafana was rotated, and this is its old secret/,
    next: /thaw token/,
    also: ['api a sample of'],
  },
  {
    name: 'a token of another bucket',
    ail: async ({ dir, token }) => {
      await writeFile(join(dir, 'token'), token.text.replace(/_\w{26}_/, `_${ulid()}_`))
    },
    level: 'wrong',
    found: /^api tokens: the token that was given is none of this bucket/,
    next: /over another bucket/,
    also: ['api answers', 'api a sample of'],
  },
  {
    name: 'tokens that nobody can read',
    ail: async ({ bucket }) => void (await bucket.put('thaw/tokens.json.gz', new Uint8Array(9))),
    level: 'wrong',
    found:
      /^api tokens: the tokens can't be read, so nobody is let in: thaw\/tokens.json.gz is no list of tokens/,
    next: /put an older version of thaw\/tokens.json.gz back/,
    also: ['api answers', 'api door', 'api a sample of'],
  },
  {
    name: 'a token that expires soon',
    ail: async (all) => {
      await putToken(all.bucket, 'short', ['read'], all.nowMs + 72 * HOUR)
    },
    level: 'warning',
    found: /^api tokens: a token expires soon/,
    seen: /^short: in (3d|2d23h)$/,
    next: /thaw token rotate short --expires=365d/,
  },
  {
    name: 'a token that may not read',
    ail: async ({ bucket, dir }) => {
      const { text } = await putToken(bucket, 'writer', ['write'])
      await writeFile(join(dir, 'token'), text)
    },
    level: 'wrong',
    found: /^api answers: the API refuses these credentials: the token writer may not read/,
    next: /thaw token/,
    also: ['api tokens', 'api a sample of'],
  },
  {
    name: 'an API over another bucket',
    ail: async ({ ends, flags }) => {
      const other = await makeInstallation()
      ends.push(() => endInstallation(other))
      for await (const { objects } of other.bucket.list('thaw/fresh/')) {
        for (const { key } of objects) await other.bucket.delete(key)
      }
      await writeFile(flags['token-file']!, await readFile(other.flags['token-file']!))
      return { url: other.flags['url']! }
    },
    level: 'wrong',
    found: /^api newest samples: queries do not find the newest samples of 1 of 1 sources/,
    seen: /no sample of up at 20|none since 20/,
    next: /is the API over this bucket/,
    also: ['api tokens', 'api a sample of'],
  },
  {
    name: 'fresh samples that do not come',
    ail: async ({ prometheus, nowMs }) => {
      Object.assign(prometheus, prometheusPages(nowMs + 4 * MINUTE))
    },
    level: 'warning',
    found: /^api a sample of \{cluster="eu", replica="a"\}: queries are \dm\d*s? behind Prometheus/,
    next: /--fresh.interval/,
  },
]

describe('thaw doctor', () => {
  itFinds(AILMENTS)
})

/** Requests against servers of this process: credentials, TLS, proxies, redirects, and everything that breaks. */
import { writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import * as http from 'node:http'
import * as https from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parseHttpClientConfig } from '#lib/http-client/config.ts'
import { type HttpRequest, readText } from '#lib/http-client/answer.ts'
import { httpClient } from '#lib/http-client/http-client.ts'
import { temporaryDir } from '../agent/block-fixture.ts'

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void

const TLS = new URL('../data/tls/', import.meta.url)
const pem = (name: string): string => readFileSync(new URL(name, TLS), 'utf8')

async function listen(server: http.Server | https.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

/** Answers as `handle` says; without it the request's method, path and headers as JSON. */
async function serve(handle: Handler = echo): Promise<string> {
  return `http://127.0.0.1:${await listen(http.createServer(handle))}`
}

async function serveTls(options: https.ServerOptions = {}, handle: Handler = echo) {
  const all = { key: pem('server.key'), cert: pem('server.pem'), ...options }
  return `https://127.0.0.1:${await listen(https.createServer(all, handle))}`
}

function echo({ method, url, headers }: http.IncomingMessage, response: http.ServerResponse): void {
  response.end(JSON.stringify({ method, url, headers }))
}

function clientOf(yaml: string, env: Record<string, string> = {}) {
  const client = httpClient(parseHttpClientConfig(yaml, env), {
    userAgent: 'test/1',
    env,
    now: Date.now,
  })
  onTestFinished(() => client.close())
  return client
}

interface Echo {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
}

async function ask(yaml: string, request: HttpRequest | string): Promise<Echo> {
  const given = typeof request === 'string' ? { url: request } : request
  return JSON.parse(await readText(await clientOf(yaml).request(given), 1e6)) as Echo
}

describe('credentials', () => {
  it('are sent as basic ones', async () => {
    const { headers } = await ask('basic_auth: {username: u, password: p}', await serve())
    expect(headers['authorization']).toBe(`Basic ${btoa('u:p')}`)
  })

  it('are of any type', async () => {
    const url = await serve()
    const yaml = 'authorization: {type: Token, credentials: x}'
    expect((await ask(yaml, url)).headers['authorization']).toBe('Token x')
    expect((await ask('bearer_token: y', url)).headers['authorization']).toBe('Bearer y')
  })

  it('follow their file', async () => {
    const url = await serve()
    const file = join(await temporaryDir(), 'token')
    await writeFile(file, 'first\n')
    const client = clientOf(`authorization: {credentials_file: ${file}}`)
    const sent = async () => {
      const answer = JSON.parse(await readText(await client.request({ url }), 1e6)) as Echo
      return answer.headers['authorization']
    }
    expect(await sent()).toBe('Bearer first')
    await writeFile(file, 'second\n')
    expect(await sent()).toBe('Bearer second')
  })

  it('of a file that is not there are an error with its name', async () => {
    const request = ask('bearer_token_file: /nonexistent/token', await serve())
    await expect(request).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('/nonexistent/token') as string,
    })
  })

  it('and headers are not sent to whom a redirect leads', async () => {
    const other = await serve()
    const first = await serve((request, response) => {
      const location = request.url === '/a' ? '/b' : `${other}/c`
      response.writeHead(request.url === '/b' ? 302 : 307, { location }).end()
    })
    const yaml = 'bearer_token: t\nhttp_headers: {X-Team: {values: [one], secrets: [two]}}'
    const body = Buffer.from('x')
    const { method, url, headers } = await ask(yaml, { url: `${first}/a`, method: 'POST', body })
    expect({ method, url }).toEqual({ method: 'GET', url: '/c' })
    expect(headers).not.toHaveProperty('authorization')
    expect(headers).not.toHaveProperty('x-team')
    expect((await ask(yaml, other)).headers['x-team']).toBe('one, two')
  })
})

describe('oauth2', () => {
  it('asks for a token, uses it again, and asks anew when it is refused', async () => {
    const forms: string[] = []
    const tokenUrl = await serve((request, response) => {
      request.on('data', (part: Buffer) => {
        forms.push(`${request.headers.authorization ?? ''} ${part.toString()}`)
        const token = { access_token: `t${forms.length}`, token_type: 'bearer', expires_in: 3600 }
        response.end(JSON.stringify(token))
      })
    })
    let taken = 't1'
    const url = await serve((request, response) => {
      const ok = request.headers.authorization === `Bearer ${taken}`
      response.writeHead(ok ? 200 : 401).end()
    })
    const yaml = `oauth2: {client_id: id, client_secret: s, token_url: "${tokenUrl}", scopes: [a, b], endpoint_params: {x: y}}`
    const client = clientOf(yaml)
    const statuses: number[] = []
    for (let i = 0; i < 4; i++) {
      if (i === 2) taken = 't2'
      const answer = await client.request({ url })
      answer.discard()
      statuses.push(answer.status)
    }
    expect(statuses).toEqual([200, 200, 401, 200])
    const form = `Basic ${btoa('id:s')} grant_type=client_credentials&x=y&scope=a+b`
    expect(forms).toEqual([form, form])
  })

  it('sends the secret in the body where the header is not taken', async () => {
    const tokenUrl = await serve((request, response) => {
      if (request.headers.authorization) {
        response.writeHead(401).end()
        return
      }
      request.on('data', (part: Buffer) => {
        const form = new URLSearchParams(part.toString())
        const token = `${form.get('client_id')}-${form.get('client_secret')}`
        response.end(JSON.stringify({ access_token: token }))
      })
    })
    const yaml = `oauth2: {client_id: id, client_secret: s, token_url: "${tokenUrl}"}`
    const { headers } = await ask(yaml, await serve())
    expect(headers['authorization']).toBe('Bearer id-s')
  })

  it('says that there is no token, and not why it could be guessed', async () => {
    const tokenUrl = await serve((_, response) => response.writeHead(403).end('secret s3cret?'))
    const yaml = `oauth2: {client_id: id, client_secret: s3cret, token_url: "${tokenUrl}"}`
    await expect(ask(yaml, await serve())).rejects.toMatchObject({
      kind: 'unauthorized',
      message: `no token: ${new URL(tokenUrl).host} answered 403`,
    })
  })
})

describe('TLS', () => {
  const path = (name: string): string => new URL(name, TLS).pathname

  it('trusts the authority it was given, and no other', async () => {
    const url = await serveTls()
    expect((await ask(`tls_config: {ca_file: ${path('ca.pem')}}`, url)).url).toBe('/')
    await expect(ask('', url)).rejects.toMatchObject({ kind: 'unavailable' })
    expect((await ask('tls_config: {insecure_skip_verify: true}', url)).url).toBe('/')
  })

  it('compares the name it was given', async () => {
    const url = await serveTls()
    const ca = `ca_file: ${path('ca.pem')}`
    expect((await ask(`tls_config: {${ca}, server_name: server.test}`, url)).url).toBe('/')
    const other = ask(`tls_config: {${ca}, server_name: other.test}`, url)
    await expect(other).rejects.toThrow(/Host: other\.test\. is not in the cert's altnames/)
  })

  it('shows its own certificate, read anew when its files change', async () => {
    const url = await serveTls({ ca: pem('ca.pem'), requestCert: true, rejectUnauthorized: true })
    const dir = await temporaryDir()
    const [cert, key] = [join(dir, 'cert'), join(dir, 'key')]
    await writeFile(cert, pem('client.pem'))
    await writeFile(key, pem('server.key'))
    const client = clientOf(
      `tls_config: {ca_file: ${path('ca.pem')}, cert_file: ${cert}, key_file: ${key}}`,
    )
    await expect(client.request({ url })).rejects.toThrow(/^tls_config: .*key values mismatch/)
    await writeFile(key, pem('client.key'))
    const answer = await client.request({ url })
    answer.discard()
    expect(answer.status).toBe(200)
  })

  it('speaks no version below the one it was given', async () => {
    const url = await serveTls({ maxVersion: 'TLSv1.2' })
    const ca = `ca_file: ${path('ca.pem')}`
    await expect(ask(`tls_config: {${ca}, min_version: TLS13}`, url)).rejects.toMatchObject({
      kind: 'unavailable',
    })
    expect((await ask(`tls_config: {${ca}, min_version: TLS12}`, url)).url).toBe('/')
  })
})

describe('a proxy', () => {
  /** Gives its URL and what it was asked. */
  async function proxy(): Promise<{ url: URL; asked: string[] }> {
    const asked: string[] = []
    const server = http.createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`)
      response.end(JSON.stringify({ url: 'by proxy' }))
    })
    server.on('connect', (request: http.IncomingMessage, socket: Socket) => {
      const { 'proxy-authorization': user = '', 'x-via': via = '' } = request.headers
      asked.push(`CONNECT ${request.url} ${user} ${String(via)}`.trim())
      if (user === '') {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
        return
      }
      const [host, port] = request.url!.split(':')
      const target = connect(Number(port), host)
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      target.pipe(socket).pipe(target)
      for (const end of [socket, target]) end.on('error', () => {})
    })
    const port = await listen(server)
    return { url: new URL(`http://me:pass@127.0.0.1:${port}`), asked }
  }

  it('is told the whole URL of a plain request', async () => {
    const { url, asked } = await proxy()
    expect((await ask(`proxy_url: ${url.href}`, 'http://prom.test:9/x?y=z')).url).toBe('by proxy')
    expect(asked).toEqual([`GET http://prom.test:9/x?y=z Basic ${btoa('me:pass')}`])
  })

  it('is a tunnel for TLS, and sees nothing of it', async () => {
    const { url, asked } = await proxy()
    const target = await serveTls()
    const yaml = `proxy_url: ${url.href}
proxy_connect_header: {X-Via: [thaw]}
tls_config: {ca_file: ${new URL('ca.pem', TLS).pathname}}
bearer_token: t`
    const { headers } = await ask(yaml, `${target}/x`)
    expect(headers['authorization']).toBe('Bearer t')
    expect(asked).toEqual([`CONNECT ${new URL(target).host} Basic ${btoa('me:pass')} thaw`])
  })

  it('that refuses is named, without its password', async () => {
    const { url } = await proxy()
    const plain = `http://${url.host}`
    await expect(ask(`proxy_url: ${plain}`, 'https://prom.test/')).rejects.toMatchObject({
      kind: 'unauthorized',
      message: `the proxy ${url.host} answered 407 to CONNECT prom.test:443`,
    })
  })
})

describe('what breaks', () => {
  it('is a connection that nobody takes', async () => {
    await expect(ask('', 'http://127.0.0.1:1/')).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'no connection to http://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1',
    })
  })

  it('is an answer that breaks off', async () => {
    const url = await serve((_, response) => {
      response.write('some')
      setTimeout(() => response.destroy(), 5)
    })
    const answer = await clientOf('').request({ url })
    await expect(readText(answer, 1e6)).rejects.toMatchObject({
      kind: 'unavailable',
      message: `the answer broke off at ${url}: aborted`,
    })
  })

  it('is an answer that does not come in time, or does not end', async () => {
    const never = await serve(() => {})
    const request = clientOf('').request({ url: `${never}/x?secret=1`, timeoutMs: 20 })
    await expect(request).rejects.toMatchObject({
      kind: 'timeout',
      message: `no answer from ${never}/x in 20 ms`,
    })
    const endless = await serve((_, response) => response.write('some'))
    const answer = await clientOf('').request({ url: endless, timeoutMs: 50 })
    await expect(readText(answer, 1e6)).rejects.toMatchObject({ kind: 'timeout' })
  })

  it('is a head that does not come in its time', async () => {
    const url = await serve(() => {})
    const request = ask('transport_config: {response_header_timeout: 20ms}', url)
    await expect(request).rejects.toThrow(/no head of an answer in 20 ms$/)
  })

  it('is ended by its signal, before and while it runs', async () => {
    const url = await serve(() => {})
    const gone = clientOf('').request({ url, signal: AbortSignal.abort() })
    await expect(gone).rejects.toMatchObject({ kind: 'canceled' })
    const running = clientOf('').request({ url, signal: AbortSignal.timeout(10) })
    await expect(running).rejects.toMatchObject({ kind: 'canceled' })
  })

  it('is a circle of redirects', async () => {
    const url = await serve((_, response) => response.writeHead(302, { location: '/' }).end())
    await expect(ask('', url)).rejects.toThrow('more than 10 redirects')
    const answer = await clientOf('follow_redirects: false').request({ url })
    answer.discard()
    expect(answer.status).toBe(302)
  })

  it('is a larger answer than wanted', async () => {
    const url = await serve((_, response) => response.end('x'.repeat(1000)))
    await expect(readText(await clientOf('').request({ url }), 999)).rejects.toMatchObject({
      kind: 'limit',
    })
  })

  it('is not a kept connection that the server closed meanwhile', async () => {
    let count = 0
    const url = await serve((request, response) => {
      count++
      // The second request on a connection meets its end.
      if (count === 2) request.socket.destroy()
      else response.end(`${count}`)
    })
    const client = clientOf('')
    expect(await readText(await client.request({ url }), 99)).toBe('1')
    expect(await readText(await client.request({ url }), 99)).toBe('3')
  })
})

it('unpacks gzip, unless it shall not ask for it', async () => {
  const url = await serve((request, response) => {
    if (request.headers['accept-encoding'] !== 'gzip') response.end('plain')
    else response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('packed'))
  })
  expect(await readText(await clientOf('').request({ url }), 99)).toBe('packed')
  const plain = clientOf('transport_config: {disable_compression: true}')
  expect(await readText(await plain.request({ url }), 99)).toBe('plain')
})

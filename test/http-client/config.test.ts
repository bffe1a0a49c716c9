/** The YAML of HTTP clients, and what is refused. */
import { describe, expect, it } from 'vitest'
import { parseHttpClientConfig } from '#lib/http-client/config.ts'

describe('parseHttpClientConfig', () => {
  it('knows what Thanos does untold', () => {
    const { transport, ...rest } = parseHttpClientConfig('')
    expect(transport).toEqual({
      maxIdleConnectionsPerHost: 2,
      maxConnectionsPerHost: 0,
      idleTimeoutMs: 90_000,
      responseHeaderTimeoutMs: 0,
      tlsHandshakeTimeoutMs: 10_000,
      dialTimeoutMs: 5000,
      compression: true,
    })
    expect(rest).toMatchObject({ followRedirects: true, authorization: undefined, headers: [] })
  })

  it('reads times in nanoseconds, as Thanos writes them, and as durations', () => {
    const yaml = 'transport_config: {idle_conn_timeout: 2000000000, dialer_timeout: 1m30s}'
    expect(parseHttpClientConfig(yaml).transport).toMatchObject({
      idleTimeoutMs: 2000,
      dialTimeoutMs: 90_000,
    })
  })

  it('shows no secret, however it is printed', async () => {
    const { authorization } = parseHttpClientConfig('basic_auth: {username: u, password: hunter2}')
    expect(JSON.stringify(authorization)).not.toContain('hunter2')
    expect(authorization?.type === 'basic' && (await authorization.password.read())).toBe('hunter2')
  })

  it.each([
    ['basic_auht: {}', 'line 1: unknown key basic_auht'],
    ['tls_config:\n  ca_fil: x', 'line 2: unknown key tls_config.ca_fil'],
    ['basic_auth: {username: a}\nbearer_token: b', 'exclude each other'],
    [
      'basic_auth: {password: a, password_file: b}',
      'basic_auth.password_file and password exclude',
    ],
    ['authorization: {type: Basic, credentials: x}', 'cannot be "basic", write basic_auth instead'],
    ['authorization: {type: Bearer}', 'authorization.credentials is missing'],
    ['oauth2: {client_id: a, client_secret: b, token_url: nope}', 'token_url is missing or no URL'],
    ['oauth2: {client_id: a, token_url: http://x}', 'oauth2.client_secret is missing'],
    ['tls_config: {cert_file: a}', 'tls_config.key_file is missing'],
    ['tls_config: {min_version: "1.2"}', 'is not one of TLS10, TLS11, TLS12, TLS13'],
    ['no_proxy: a', 'no_proxy needs proxy_url'],
    ['proxy_url: socks5://x', 'proxy_url is neither http:// nor https://'],
    ['{proxy_url: "http://x", proxy_from_environment: true}', 'exclude each other'],
    ['http_headers: {X-A: {values: b}}', 'http_headers.X-A.values is not a list'],
    ['bearer_token: [s3cret', 'bad yaml'],
  ])('refuses %j', (yaml, reason) => {
    expect(() => parseHttpClientConfig(yaml)).toThrow(reason)
  })

  it('repeats nothing of what it refuses', () => {
    const yaml = 'bearer_token: s3cret\nbasic_auth: {username: u, password: s3cret, other: s3cret}'
    expect(() => parseHttpClientConfig(yaml)).not.toThrow('s3cret')
  })
})

/** `thaw query`: what is asked, how the answer is shown, and what errors look like. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { fakeApi, thaw } from './cli-fixture.ts'

const VECTOR = {
  resultType: 'vector',
  result: [
    { metric: { __name__: 'up', job: 'node' }, value: [1769860800, '1'] },
    { metric: { __name__: 'up', job: 'a "b"' }, value: [1769860800, '0.25'] },
  ],
}

const MATRIX = {
  resultType: 'matrix',
  result: [
    {
      metric: { __name__: 'm', host: 'a' },
      values: [
        [60, '0'],
        [120, '5'],
        [240, '10'],
      ],
    },
    { metric: { host: 'b' }, values: [[180, '-Inf']] },
  ],
}

describe('an instant query', () => {
  it('asks for now by POST and prints a table', async () => {
    const api = await fakeApi(VECTOR)
    const result = await thaw(['query', 'up', '--url', api.url])
    expect(api.requests.map(({ method, path, form }) => [method, path, form])).toEqual([
      ['POST', '/api/v1/query', { query: 'up', time: '1769860800' }],
    ])
    expect(result).toEqual({
      code: 0,
      err: '',
      out: 'SERIES             VALUE\nup{job="node"}         1\nup{job="a \\"b\\""}   0.25\n',
    })
  })

  it('falls back to GET where POST is refused', async () => {
    const api = await fakeApi(VECTOR)
    api.refused = ['POST']
    const result = await thaw([
      'query',
      'up',
      '--url',
      `${api.url}/`,
      '--time=2026-01-31T00:00:00Z',
    ])
    expect(result.code).toBe(0)
    expect(api.requests.map(({ method, form }) => [method, form])).toEqual([
      ['POST', { query: 'up', time: '1769817600' }],
      ['GET', { query: 'up', time: '1769817600' }],
    ])
  })

  it('sends headers and credentials', async () => {
    const api = await fakeApi(VECTOR)
    const flags = ['--user', 'me:pass', '--header', 'X-Scope-OrgID: team', '--header', 'x-a:b:c']
    await thaw(['query', 'up', '--url', api.url, ...flags, '--timeout=5s'])
    expect(api.requests[0]!.headers).toMatchObject({
      authorization: `Basic ${btoa('me:pass')}`,
      'x-scope-orgid': 'team',
      'x-a': 'b:c',
    })
    expect(api.requests[0]!.form['timeout']).toBe('5s')
  })

  it('prints JSON, CSV and promtool text', async () => {
    const api = await fakeApi(VECTOR)
    const as = async (form: string) =>
      (await thaw(['query', 'up', '--url', api.url, '-o', form])).out
    expect(JSON.parse(await as('json'))).toEqual(VECTOR)
    expect(await as('csv')).toBe(
      '__name__,job,timestamp,value\n' +
        'up,node,2026-01-31T12:00:00.000Z,1\n' +
        'up,"a ""b""",2026-01-31T12:00:00.000Z,0.25\n',
    )
    expect(await as('promql')).toBe(
      'up{job="node"} => 1 @[1769860800]\nup{job="a \\"b\\""} => 0.25 @[1769860800]\n',
    )
  })

  it('prints scalars, strings, histograms and nothing', async () => {
    const out = async (data: unknown, form = 'table') =>
      (await thaw(['query', 'x', '--url', (await fakeApi(data)).url, '-o', form])).out
    expect(await out({ resultType: 'scalar', result: [1, '42'] })).toBe('42\n')
    expect(await out({ resultType: 'string', result: [1, 'text'] })).toBe('text\n')
    expect(await out({ resultType: 'scalar', result: [1, '42'] }, 'promql')).toBe(
      'scalar: 42 @[1]\n',
    )
    expect(await out({ resultType: 'vector', result: [] })).toBe('no series\n')
    const histogram = { metric: { __name__: 'h' }, histogram: [1, { count: '3', sum: '4.5' }] }
    expect(await out({ resultType: 'vector', result: [histogram] }, 'promql')).toBe(
      'h => {count:3, sum:4.5} @[1]\n',
    )
  })

  it('puts warnings and infos on standard error, and still succeeds', async () => {
    const api = await fakeApi(VECTOR, { warnings: ['half of it'], infos: ['by the way'] })
    const result = await thaw(['query', 'up', '--url', api.url, '-o', 'csv'])
    expect([result.code, result.err]).toEqual([0, 'warning: half of it\ninfo: by the way\n'])
    expect(result.out).not.toContain('half')
  })
})

describe('a range query', () => {
  it.each([
    [['--start=-6h'], { start: '1769839200', end: '1769860800', step: '86' }],
    [['--step=30s'], { start: '1769857200', end: '1769860800', step: '30' }],
    [['--start=0', '--end=100', '--step=0.5'], { start: '0', end: '100', step: '0.5' }],
    [
      ['--start', 'now-1d', '--end', 'now', '--step', '1h'],
      { start: '1769774400', end: '1769860800', step: '3600' },
    ],
  ])('with %j asks for %j', async (flags, asked) => {
    const api = await fakeApi(MATRIX)
    const result = await thaw(['query', 'm', '--url', api.url, ...flags])
    expect(result.code).toBe(0)
    expect(api.requests.map(({ path, form }) => [path, form])).toEqual([
      ['/api/v1/query_range', { query: 'm', ...asked }],
    ])
  })

  it('prints a line of its shape for each series', async () => {
    const api = await fakeApi(MATRIX)
    const { out } = await thaw(['query', 'm', '--url', api.url, '--start=60', '--end=240'])
    expect(out).toBe(
      [
        'SERIES       SHAPE   MIN   MAX  LAST  POINTS',
        'm{host="a"}  ▁▅ █      0    10    10       3',
        '{host="b"}          -Inf  -Inf  -Inf       1',
        'from 1970-01-01T00:01:00.000Z to 1970-01-01T00:04:00.000Z',
        '',
      ]
        .join('\n')
        .replace('SHAPE   MIN', 'SHAPE   MIN'),
    )
  })

  it('prints each sample as promtool does', async () => {
    const api = await fakeApi(MATRIX)
    const { out } = await thaw(['query', 'm', '--url', api.url, '--start=60', '-o', 'promql'])
    expect(out).toBe('m{host="a"} =>\n0 @[60]\n5 @[120]\n10 @[240]\n{host="b"} =>\n-Inf @[180]\n')
  })

  it.each([
    [['--start=10', '--end=5'], /--end is before --start/],
    [['--start=10', '--time=5'], /--time is for one time/],
    [['--start=yesterday'], /write a time such as/],
    [['--step=0'], /write a step such as/],
    [['--header=nocolon'], /write a header such as/],
    [['-o', 'xml'], /Allowed choices are table, json, csv, promql/],
    [['--urll=x'], /Did you mean --url\?/],
  ])('refuses %j', async (flags, text) => {
    const result = await thaw(['query', 'm', ...flags])
    expect(result.code).toBe(1)
    expect(result.err).toMatch(text)
    expect(result.out).toBe('')
  })
})

describe('an error of the server', () => {
  it('is shown with a caret under the place that it names', async () => {
    const api = await fakeApi(undefined)
    api.answer = {
      status: 400,
      body: JSON.stringify({
        status: 'error',
        errorType: 'bad_data',
        error: 'invalid parameter "query": 2:7: parse error: unexpected <by>',
      }),
    }
    const result = await thaw(['query', 'sum(\n\tup ü by by', '--url', api.url])
    expect(result).toEqual({
      code: 1,
      out: '',
      err: [
        'thaw: bad_data: invalid parameter "query": 2:7: parse error: unexpected <by>',
        '  \tup ü by by',
        '  \t    ^',
        '',
      ].join('\n'),
    })
  })

  it.each([
    [
      422,
      { status: 'error', errorType: 'execution', error: 'many-to-many' },
      /^thaw: execution: many-to-many\n$/,
    ],
    [502, '<html>\nBad Gateway', /answered 502 and no Prometheus JSON: <html>\n$/],
    [401, 'no', /answered 401, give credentials with --user or --token-file\n$/],
    [200, '{"status":"success"}', /answered 200 and no Prometheus JSON/],
  ])('of status %i is one line', async (status, body, text) => {
    const api = await fakeApi(undefined)
    api.answer = { status, body: typeof body === 'string' ? body : JSON.stringify(body) }
    const result = await thaw(['query', 'up', '--url', api.url])
    expect([result.code, result.out]).toEqual([1, ''])
    expect(result.err).toMatch(text)
    expect(result.err.trimEnd().split('\n')).toHaveLength(1)
  })

  it('that is not there says how to start one, and shows a stack only with --debug', async () => {
    const argv = ['query', 'up', '--url', 'http://127.0.0.1:1']
    const plain = await thaw(argv)
    expect([plain.code, plain.out]).toEqual([1, ''])
    expect(plain.err).toMatch(
      /^thaw: nothing answers at http:\/\/127\.0\.0\.1:1 \(.+\), start it with `thaw local`.*\n$/,
    )
    expect((await thaw([...argv, '--debug'])).err).toMatch(/\n\s+at /)
  })
})

describe('node cli/main.ts', () => {
  const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

  async function spawned(argv: readonly string[]) {
    const child = spawn(process.execPath, [main, ...argv])
    let out = ''
    let err = ''
    child.stdout.on('data', (text: Buffer) => (out += text.toString()))
    child.stderr.on('data', (text: Buffer) => (err += text.toString()))
    const code = await new Promise((resolve) => child.on('close', resolve))
    return { code, out, err }
  }

  it('answers a query', async () => {
    const api = await fakeApi(VECTOR)
    const result = await spawned(['query', 'up', `--url=${api.url}`, '-o', 'promql'])
    expect(result).toEqual({
      code: 0,
      out: 'up{job="node"} => 1 @[1769860800]\nup{job="a \\"b\\""} => 0.25 @[1769860800]\n',
      err: '',
    })
  })

  it('ends with 1 for an error', async () => {
    const result = await spawned(['query', 'up', '--url=nowhere'])
    expect(result).toEqual({
      code: 1,
      out: '',
      err: 'thaw: --url "nowhere" is no http:// or https:// URL\n',
    })
  })
})

import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConflictError, CorruptError, DomainError, LimitError } from '#lib/model/errors.ts'
import { DEFAULT_LIMITS, DEFAULT_SCOPE, type ApiLogEntry } from '#lib/api/parts.ts'
import type { QueryBackend } from '#lib/promql/backend.ts'
import type { Source } from '#lib/storage/source.ts'
import { constant, form, hangingBackend, NOW_MS, testApp } from './fake-backend.ts'

async function json(response: Response | Promise<Response>): Promise<any> {
  return await (await response).json()
}

describe('query', () => {
  it('asks for one step now, with the defaults', async () => {
    const { app, asked } = testApp()
    await app.request('/api/v1/query?query=up')
    expect(asked.queries).toMatchObject([
      {
        text: 'up',
        grid: { startMs: NOW_MS, stepMs: 0, stepCount: 1 },
        scope: { dedup: true, replicaLabels: [], partialResponse: true, maxSourceResolutionMs: 0 },
        options: { lookbackMs: 300_000 },
      },
    ])
  })

  it('tries coarser blocks where a range query leaves the resolution to us', async () => {
    const { app, asked } = testApp()
    const ask = (rest: string): unknown => app.request(`/api/v1/query${rest}&query=up`)
    await ask('_range?start=0&end=36000&step=600&max_source_resolution=auto')
    await ask('_range?start=0&end=36000&step=1800&max_source_resolution=auto&lookback_delta=7m')
    await ask('_range?start=0&end=36000&step=600&max_source_resolution=0s')
    await ask('?max_source_resolution=auto')
    expect(asked.queries.map(({ coarser }) => coarser)).toEqual([
      [
        { maxSourceResolutionMs: 300_000, lookbackMs: 300_000 },
        { maxSourceResolutionMs: 3_600_000, lookbackMs: 3_600_000 },
      ],
      [{ maxSourceResolutionMs: 3_600_000, lookbackMs: 420_000 }],
      [],
      [],
    ])
  })

  it("takes Thanos's parameters into the scope", async () => {
    const { app, asked } = testApp()
    await app.request(
      '/api/v1/query?query=up&dedup=false&partial_response=0&replicaLabels[]=a&replicaLabels%5B%5D=b&max_source_resolution=5m',
    )
    expect(asked.queries[0]!.scope).toEqual({
      tenant: 'default-tenant',
      enforced: [],
      exactDownsampling: true,
      dedup: false,
      deduplication: 'nearest',
      replicaLabels: ['a', 'b'],
      partialResponse: false,
      maxSourceResolutionMs: 300_000,
    })
  })

  it.each([
    ['dedup=x', `'dedup' parameter: strconv.ParseBool: parsing "x": invalid syntax`],
    [
      'partial_response=2',
      `'partial_response' parameter: strconv.ParseBool: parsing "2": invalid syntax`,
    ],
    [
      'max_source_resolution=x',
      `'max_source_resolution' parameter: cannot parse "x" to a valid duration`,
    ],
    [
      'max_source_resolution=-1',
      `negative 'max_source_resolution' is not accepted. Try a positive integer`,
    ],
  ])('refuses %s', async (parameter, error) => {
    const response = await testApp().app.request(`/api/v1/query?query=up&${parameter}`)
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({ status: 'error', errorType: 'bad_data', error })
  })

  it('looks back an hour where hourly points may be read, unless told', async () => {
    const { app, asked } = testApp()
    await app.request('/api/v1/query?query=up&max_source_resolution=1h')
    await app.request('/api/v1/query?query=up&max_source_resolution=1h&lookback_delta=2m')
    expect(asked.queries.map(({ options }) => options.lookbackMs)).toEqual([3_600_000, 120_000])
  })

  it('writes warnings and infos, of each ten and the number of the rest', async () => {
    const infos = Array.from({ length: 13 }, (_, i) => `info ${i}`)
    const { app } = testApp({
      warnings: ['store a is gone', 'store a is gone'],
      annotations: { warnings: ['w (1:2)'], infos },
    })
    const response = await app.request('/api/v1/query?query=up&stats=x')
    const answer = await json(response)
    expect(answer.warnings).toEqual([
      'store a is gone',
      'value "x" for parameter "stats" is deprecated and will be rejected in the next major release, use "true" or "all"',
      'w (1:2)',
    ])
    expect(answer.infos).toEqual([...infos.slice(0, 10), '3 more info annotations omitted'])
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it('tells stats and what the query cost', async () => {
    const { app } = testApp()
    const { data } = await json(app.request('/api/v1/query?query=up&stats=true'))
    expect(data.stats).toEqual({
      timings: {
        evalTotalTime: 0,
        resultSortTime: 0,
        queryPreparationTime: 0,
        innerEvalTime: 0,
        execQueueTime: 0,
        execTotalTime: 0,
      },
      samples: { totalQueryableSamples: 7, samplesRead: 7, peakSamples: 5 },
      thaw: {
        series: 3,
        slices: 1,
        invokes: 0,
        gets: 4,
        lists: 1,
        puts: 2,
        bytes: 18_432,
        functionSeconds: 0.012,
        functionGbSeconds: 0.012,
        steps: 1,
        cachedSteps: 0,
        shared: false,
        estimatedUsd: 0.0000123,
      },
    })
  })

  it('tells what the query cost in headers, asked or not', async () => {
    const { app } = testApp()
    const { headers } = await app.request('/api/v1/query?query=up')
    expect(Object.fromEntries([...headers].filter(([name]) => name.startsWith('x-thaw')))).toEqual({
      'x-thaw-bucket-bytes': '18432',
      'x-thaw-bucket-requests': 'get=4, list=1, put=2',
      'x-thaw-cached-steps': '0/1',
      'x-thaw-estimated-usd': '0.0000123',
      'x-thaw-function-ms': '12',
      'x-thaw-invokes': '0',
    })
  })

  it('cuts at the limit and says so', async () => {
    const { app } = testApp({
      values: () => ({
        type: 'vector',
        series: ['a', 'b'].map((name) => ({
          labels: ['n', name],
          values: new Float64Array([1]),
          presence: new Uint8Array([1]),
        })),
      }),
    })
    const answer = await json(app.request('/api/v1/query?query=up&limit=1&time=5'))
    expect(answer).toEqual({
      status: 'success',
      data: { resultType: 'vector', result: [{ metric: { n: 'a' }, value: [5, '1'] }] },
      warnings: ['results truncated due to limit'],
    })
  })
})

describe('query_range', () => {
  it('counts its steps, and keeps an end that is on none', async () => {
    const { app, asked } = testApp()
    await app.request('/api/v1/query_range?query=up&start=10&end=70.5&step=15s')
    await app.request('/api/v1/query_range?query=up&start=0&end=11000&step=1')
    expect(asked.queries.map(({ grid }) => grid)).toEqual([
      { startMs: 10_000, stepMs: 15_000, stepCount: 5, endMs: 70_500 },
      { startMs: 0, stepMs: 1000, stepCount: 11_001 },
    ])
  })

  it('takes a fifth of the step as the resolution `auto`', async () => {
    const { app, asked } = testApp()
    const path = '/api/v1/query_range?query=up&start=0&end=36000&step=1h'
    await app.request(`${path}&max_source_resolution=auto`)
    await app.request(path)
    const auto = testApp({}, { scope: { ...DEFAULT_SCOPE, autoDownsampling: true } })
    await auto.app.request(path)
    const resolutions = [...asked.queries, ...auto.asked.queries].map(
      ({ scope }) => scope.maxSourceResolutionMs,
    )
    expect(resolutions).toEqual([720_000, 0, 720_000])
  })

  it('refuses a step below a millisecond, where Prometheus divides by zero', async () => {
    const path = '/api/v1/query_range?query=1&start=0&end=0&step=0.0001'
    const response = await testApp().app.request(path)
    expect(response.status).toBe(400)
    expect((await json(response)).error).toBe(
      'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer',
    )
  })

  it("does without a step where Thanos's default is configured", async () => {
    const { app, asked } = testApp({}, { limits: { ...DEFAULT_LIMITS, defaultStepMs: 1000 } })
    await app.request('/api/v1/query_range?query=up&start=0&end=10')
    await app.request('/api/v1/query_range?query=up&start=0&end=250000')
    expect(asked.queries.map(({ grid }) => grid.stepMs)).toEqual([1000, 1_000_000])
  })
})

describe('labels, values and series', () => {
  it('ask for one more than the limit, over all time where none is given', async () => {
    const { app, asked } = testApp({ labelValues: ['a', 'b', 'c'] })
    const answer = await json(app.request('/api/v1/label/job/values?limit=2&match[]=up'))
    expect(answer).toEqual({
      status: 'success',
      data: ['a', 'b'],
      warnings: ['results truncated due to limit'],
    })
    expect(asked.labels[0]).toMatchObject({
      name: 'job',
      request: {
        startMs: -Infinity,
        endMs: Infinity,
        limit: 3,
        matcherSets: [[{ type: '=', name: '__name__', value: 'up' }]],
      },
    })
  })

  it('merge URL and body', async () => {
    const { app, asked } = testApp({ labelValues: [] })
    await app.request('/api/v1/labels?match[]=a&start=1', form('match%5B%5D=b&start=2'))
    expect(asked.labels[0]!.request).toMatchObject({
      startMs: 2000,
      matcherSets: [[{ value: 'b' }], [{ value: 'a' }]],
    })
  })

  it.each([
    ['caf%C3%A9', 'café'],
    ['a%2Fb', 'a/b'],
    ['a+b', 'a+b'],
    ['50%25', '50%'],
    ['__name__', '__name__'],
    ['U__http_2e_status__code', 'http.status_code'],
    ['U__bad_zz_', 'U__bad_zz_'],
    ['U__snow_2603_', 'snow☃'],
  ])('read the label name %s as %s', async (encoded, name) => {
    const { app, asked } = testApp({ labelValues: [] })
    await app.request(`/api/v1/label/${encoded}/values`)
    await app.request(`/api/v1/label/${encoded}/values`, { method: 'POST' })
    expect(asked.labels.map((one) => one.name)).toEqual([name, name])
  })

  it('write series as objects', async () => {
    const { app } = testApp({
      series: [
        ['__name__', 'm', 'a', 'x'],
        ['__name__', 'm'],
      ],
    })
    expect(await json(app.request('/api/v1/series', form('match[]=m&limit=1')))).toEqual({
      status: 'success',
      data: [{ __name__: 'm', a: 'x' }],
      warnings: ['results truncated due to limit'],
    })
  })
})

describe('errors', () => {
  it.each([
    [new DomainError('invalid', 'm'), 400, 'bad_data'],
    [new DomainError('not-found', 'm'), 503, 'unavailable'],
    [new ConflictError('k', 'm'), 409, 'conflict'],
    [new CorruptError('m', 4), 500, 'internal'],
    [new LimitError('m', 1, 2), 422, 'execution'],
    [new DomainError('timeout', 'm'), 503, 'timeout'],
    [new DomainError('canceled', 'm'), 499, 'canceled'],
    [new DomainError('unauthorized', 'm'), 500, 'internal'],
    [new DomainError('unsupported', 'm'), 422, 'execution'],
    [new DomainError('execution', 'm'), 422, 'execution'],
    [new DomainError('unavailable', 'm'), 503, 'unavailable'],
  ])('of kind %s are answered with %d %s', async (fails, status, errorType) => {
    for (const path of ['query?query=up', 'labels', 'label/a/values', 'series?match[]=up']) {
      const response = await testApp({ fails }).app.request(`/api/v1/${path}`)
      expect(response.status).toBe(status)
      expect(await response.json()).toEqual({ status: 'error', errorType, error: fails.message })
    }
  })

  it('that are bugs tell nothing to the client and all to the log', async () => {
    const logged: ApiLogEntry[] = []
    const fails = new TypeError('secret of /inner/file.ts')
    const { app } = testApp({ fails }, { log: (entry) => logged.push(entry) })
    const response = await app.request('/api/v1/query?query=up')
    expect(response.status).toBe(500)
    expect(await response.json()).toEqual({
      status: 'error',
      errorType: 'internal',
      error: 'internal error; the log of thaw says more',
    })
    expect(logged).toEqual([
      { message: fails.message, method: 'GET', path: '/api/v1/query', status: 500, error: fails },
    ])
  })

  it('of the client are never 500, whatever the parameters', async () => {
    const values = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.constantFrom(
        '',
        '0',
        '-1',
        '1e308',
        'NaN',
        '-Inf',
        '9223372036854775807',
        '1y',
        '5m',
        'up',
        '1',
      ),
    )
    const names = [
      'query',
      'time',
      'start',
      'end',
      'step',
      'timeout',
      'limit',
      'match[]',
      'stats',
      'dedup',
      'lookback_delta',
      'max_source_resolution',
      'replicaLabels[]',
    ]
    const pairs = fc.array(fc.tuple(fc.constantFrom(...names), values), { maxLength: 10 })
    const paths = [
      'query',
      'query_range',
      'labels',
      'label/a/values',
      'series',
      'query_exemplars',
      'format_query',
      'metadata',
      'rules',
    ]
    const { app } = testApp({ values: ({ grid }) => constant(1, grid) })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), pairs, async (path, all) => {
        const query = new URLSearchParams()
        for (const [name, value] of all) query.append(name, value.toWellFormed())
        const response = await app.request(`/api/v1/${path}?${query.toString()}`)
        expect([200, 204, 400, 503]).toContain(response.status)
        if (response.status !== 204) await response.json()
      }),
      { numRuns: 500 },
    )
  })
})

describe('deadlines', () => {
  const hanging = hangingBackend()

  it.each([
    ['query?query=up&timeout=20ms', 'query timed out in expression evaluation'],
    [
      'query_range?query=up&start=0&end=1&step=1&timeout=0.02',
      'query timed out in expression evaluation',
    ],
    ['labels?timeout=20ms', 'query timed out in expression evaluation'],
    ['query?query=up&timeout=0.000000001', 'query timed out in query queue'],
    ['query?query=up&timeout=-1', 'query timed out in query queue'],
  ])('end %s', async (path, error) => {
    const response = await testApp({}, { backend: hanging }).app.request(`/api/v1/${path}`)
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({ status: 'error', errorType: 'timeout', error })
  })

  it('come before a longer timeout of the client, and reach the signal', async () => {
    let reason: unknown
    const backend: QueryBackend = {
      ...hanging,
      query: (_, signal) =>
        new Promise((_resolve, reject) => {
          signal!.addEventListener('abort', () => {
            reason = signal!.reason
            reject(new Error('late'))
          })
        }),
    }
    const { app } = testApp({}, { backend, limits: { ...DEFAULT_LIMITS, deadlineMs: 10 } })
    expect((await app.request('/api/v1/query?query=up&timeout=1h')).status).toBe(503)
    expect(reason).toMatchObject({ kind: 'timeout' })
  })

  it('end when the client goes away', async () => {
    const client = new AbortController()
    const { app } = testApp({}, { backend: hanging })
    const pending = app.request('/api/v1/query?query=up', { signal: client.signal })
    setTimeout(() => client.abort(), 5)
    const response = await pending
    expect([response.status, (await json(response)).errorType]).toEqual([499, 'canceled'])
  })
})

describe('bodies', () => {
  it('of 10 MB are read, and larger ones refused', async () => {
    const { app } = testApp()
    const padding = 'x'.repeat(10 * 1024 * 1024 - 'query=up&pad='.length)
    expect((await app.request('/api/v1/query', form(`query=up&pad=${padding}`))).status).toBe(200)
    const refused = await app.request('/api/v1/query', form(`query=up&pad=${padding}y`))
    expect(refused.status).toBe(400)
    expect((await json(refused)).error).toBe('error parsing form values: http: POST too large')
  })

  it('of multipart forms are read', async () => {
    const body = new FormData()
    body.set('query', 'up')
    const { app, asked } = testApp()
    await app.request('/api/v1/query?time=3', { method: 'POST', body })
    expect(asked.queries[0]).toMatchObject({ text: 'up', grid: { startMs: 3000 } })
  })
})

describe('the envelope of HTTP', () => {
  it('has cross-origin headers for who names an origin', async () => {
    const { app } = testApp()
    const origin = 'http://grafana.example'
    const response = await app.request('/api/v1/query', { method: 'OPTIONS', headers: { origin } })
    expect(response.status).toBe(204)
    expect(Object.fromEntries(response.headers)).toEqual({
      'access-control-allow-origin': origin,
      'access-control-allow-headers': 'Accept, Authorization, Content-Type, Origin',
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-expose-headers': 'Date',
      vary: 'Origin, Accept-Encoding',
    })
    const plain = await app.request('/api/v1/alerts')
    expect(plain.headers.get('access-control-allow-origin')).toBe(null)
    expect(plain.headers.get('vary')).toBe('Origin, Accept-Encoding')
  })

  it('compresses as asked, and only then', async () => {
    const { app } = testApp()
    const bodies: Array<[string, string | null, (bytes: Uint8Array) => Uint8Array]> = [
      ['gzip, deflate, br', 'gzip', gunzipSync],
      ['br;q=1.0, zstd, gzip', 'zstd', zstdDecompressSync],
      ['gzip;q=0, deflate', null, (bytes) => bytes],
      ['', null, (bytes) => bytes],
    ]
    for (const [accept, encoding, decode] of bodies) {
      const headers = { 'accept-encoding': accept }
      const response = await app.request('/api/v1/alerts', { headers })
      expect(response.headers.get('content-encoding')).toBe(encoding)
      const bytes = new Uint8Array(await response.arrayBuffer())
      expect(response.headers.get('content-length')).toBe(String(bytes.length))
      expect(Buffer.from(decode(bytes)).toString()).toBe(
        '{"status":"success","data":{"alerts":[]}}',
      )
    }
  })

  it('refuses what the gateway would not let through, with advice', async () => {
    const labelValues = Array.from({ length: 5000 }, (_, i) => `value-${i * 7919}`)
    const size = JSON.stringify({ status: 'success', data: labelValues }).length
    const limits = { ...DEFAULT_LIMITS, maxResponseBytes: 30_000 }
    const { app } = testApp({ labelValues }, { limits })
    const plain = await app.request('/api/v1/labels')
    expect(plain.status).toBe(422)
    expect(await plain.json()).toEqual({
      status: 'error',
      errorType: 'execution',
      error: `an answer of ${size} bytes does not fit the 30000 bytes of the gateway; accept gzip, or ask for fewer series, a larger step or a shorter range`,
    })
    const headers = { 'accept-encoding': 'gzip' }
    expect((await app.request('/api/v1/labels', { headers })).status).toBe(200)
  })
})

describe('what the server says of itself', () => {
  it('is a build without features', async () => {
    const { data } = await json(testApp().app.request('/api/v1/status/buildinfo'))
    expect(Object.keys(data)).toEqual([
      'version',
      'revision',
      'branch',
      'buildUser',
      'buildDate',
      'goVersion',
    ])
  })

  it('is healthy always and ready when it is', async () => {
    const { app } = testApp({}, { ready: async () => 'no bucket index' })
    expect(await (await app.request('/-/healthy')).text()).toBe('thaw is Healthy.\n')
    const response = await app.request('/-/ready')
    expect([response.status, await response.text()]).toEqual([
      503,
      'Service Unavailable: no bucket index\n',
    ])
    expect((await testApp().app.request('/-/ready')).status).toBe(200)
  })

  it('has metrics only where somebody counts', async () => {
    expect((await testApp().app.request('/metrics')).status).toBe(404)
    const response = await testApp({}, { metrics: async () => 'up 1\n' }).app.request('/metrics')
    expect([response.headers.get('content-type'), await response.text()]).toEqual([
      'text/plain; version=0.0.4; charset=utf-8',
      'up 1\n',
    ])
  })

  it('says what exemplars and metadata cost, and when they are not all', async () => {
    const cost = {
      slices: 0,
      invokes: 0,
      gets: 3,
      lists: 1,
      puts: 0,
      bytes: 7,
      functionMs: 2,
      functionGbSeconds: 0,
      steps: 0,
      cachedSteps: 0,
      shared: false,
      usd: 0,
    }
    const source: Source = {
      name: 's',
      exemplars: async () => ({ value: [], warnings: ['half'], cost }),
      metadata: async () => ({ value: new Map(), warnings: [], cost }),
    }
    const broken: Source = {
      name: 'endpoint a:1',
      metadata: async () => {
        throw new DomainError('unavailable', 'connection refused')
      },
    }
    const { app } = testApp({}, { sources: () => [source, broken] })
    const half = await app.request('/api/v1/query_exemplars?query=m')
    expect(half.headers.get('x-thaw-bucket-requests')).toBe('get=3, list=1, put=0')
    expect(half.headers.get('cache-control')).toBe('no-store')
    expect(await half.json()).toEqual({ status: 'success', data: [], warnings: ['half'] })
    const metadata = await app.request('/api/v1/metadata')
    expect(metadata.headers.get('x-thaw-bucket-bytes')).toBe('7')
    const warnings = ['endpoint a:1 is left out: connection refused']
    expect(await metadata.json()).toEqual({ status: 'success', data: {}, warnings })
    const whole = await app.request('/api/v1/metadata?partial_response=false')
    expect([whole.status, await whole.json()]).toEqual([
      503,
      { status: 'error', errorType: 'unavailable', error: 'connection refused' },
    ])
  })

  it('tells metadata within both limits', async () => {
    const entry = (help: string) => ({ type: 'counter', unit: '', help })
    const known = new Map([
      ['a', [entry('1'), entry('2')]],
      ['__proto__', [entry('3')]],
    ])
    const source: Source = { name: 's', metadata: async () => ({ value: known, warnings: [] }) }
    const { app } = testApp({}, { sources: () => [source] })
    const ask = async (query: string): Promise<string> => {
      return JSON.stringify((await json(app.request(`/api/v1/metadata${query}`))).data)
    }
    expect(await ask('')).toContain('"__proto__":[{"type":"counter","unit":"","help":"3"}]')
    expect(await ask('?limit=1&limit_per_metric=1')).toBe(
      '{"__proto__":[{"type":"counter","unit":"","help":"3"}]}',
    )
    expect(await ask('?limit=0')).toBe('{}')
    expect(await ask('?limit=-1&limit_per_metric=0')).toContain('"help":"2"')
  })

  it.each(['status/flags', 'status/runtimeinfo', 'status/config', 'features'])(
    'answers %s',
    async (path) => {
      const response = await testApp().app.request(`/api/v1/${path}`)
      expect([response.status, (await json(response)).status]).toEqual([200, 'success'])
    },
  )
})

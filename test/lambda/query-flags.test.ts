import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { DEFAULT_SCOPE } from '#lib/api/parts.ts'
import { COMPACT_FLAGS } from '#lib/lambda/compact-flags.ts'
import { RULE_FLAGS } from '#lib/lambda/rule-flags.ts'
import type { Flag } from '#lib/lambda/flag-values.ts'
import { QUERY_FLAGS, readQueryFlags } from '#lib/lambda/query-flags.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'

describe('readQueryFlags', () => {
  it('gives the defaults of the library when there is none', () => {
    const { engine, scope, timeoutMs } = readQueryFlags('')
    expect(engine).toEqual({ ...DEFAULT_ENGINE_OPTIONS, maxSteps: engine.maxSteps })
    expect(scope).toEqual(DEFAULT_SCOPE)
    expect(timeoutMs).toBe(120_000)
  })

  it('reads them as a command line', () => {
    const { engine, scope, timeoutMs, defaultStepMs, flags } = readQueryFlags(`
      --query.replica-label=replica --query.replica-label prometheus_replica
      --query.timeout=1m30s --query.timeout=90s --query.lookback-delta 2m
      --deduplication.func=penalty --no-query.partial-response --query.auto-downsampling
      --query.enforce-tenancy --query.tenant-header="X-Scope-OrgID" --query.tenant-label-name='team'
      --query.tenant-certificate-field=commonName
      --enable-feature=promql-experimental-functions,use-start-timestamps
      --query.max-samples=1000 --query.default-step=10`)
    expect(scope).toEqual({
      ...DEFAULT_SCOPE,
      replicaLabels: ['replica', 'prometheus_replica'],
      deduplication: 'penalty',
      partialResponse: false,
      autoDownsampling: true,
      tenancy: {
        header: 'X-Scope-OrgID',
        defaultTenant: 'default-tenant',
        certificateField: 'commonName',
        enforce: true,
        labelName: 'team',
      },
    })
    expect([timeoutMs, engine.lookbackMs, engine.maxSamples, defaultStepMs]).toEqual([
      90_000, 120_000, 1000, 10_000,
    ])
    expect([...engine.features]).toEqual(['promql-experimental-functions', 'use-start-timestamps'])
    expect(flags['query.replica-label']).toBe('replica,prometheus_replica')
  })

  it.each([
    ['--query.timout=1m', "Unknown option '--query.timout'"],
    ['query.timeout=1m', "Unexpected argument 'query.timeout=1m'"],
    ['--query.timeout', 'argument missing'],
    ['--query.timeout=soon', '--query.timeout: cannot parse "soon" to a valid duration'],
    ['--query.timeout=0', '--query.timeout is "0", want a duration such as 5m'],
    ['--query.max-samples=-1', 'want a positive integer'],
    ['--query.enforce-tenancy=yes', 'does not take an argument'],
    ['--deduplication.func=best', 'want nearest, penalty, chain'],
    ['--enable-feature=promql-everything', 'want promql-experimental-functions, '],
    ['--query.tenant-certificate-field=email', 'want organization, organizationalUnit, commonName'],
  ])('refuses %s', (line, message) => {
    expect(() => readQueryFlags(line)).toThrow(message)
    expect(() => readQueryFlags(line)).toThrow('THAW_QUERY_FLAGS: ')
  })
})

describe('limits', () => {
  it('are those of the flags, or those of a tenant in place of them', () => {
    const { limitsOf } = readQueryFlags(
      `--query.max-series=100 --query-range.max-query-length=7d --query.tenant-limits='{"a":{"query.max-series":5,"query.max-concurrent":0,"query-range.max-query-length":"1d"}}'`,
    )
    const DAY = 24 * 3600_000
    expect(limitsOf('b')).toEqual({
      maxLengthMs: 7 * DAY,
      maxConcurrent: 20,
      maxBytes: 0,
      maxSeries: 100,
      maxSamples: 50_000_000,
    })
    expect(limitsOf('a')).toEqual({
      ...limitsOf('b'),
      maxLengthMs: DAY,
      maxConcurrent: 0,
      maxSeries: 5,
    })
    expect(limitsOf(undefined)).toEqual(limitsOf('b'))
  })

  it.each([
    ['{', 'JSON'],
    ['[]', 'a JSON object'],
    ['{"a":1}', 'a JSON object'],
    ['{"a":{"query.timeout":"1m"}}', 'query.timeout'],
    ['{"a":{"query.max-series":-1}}', 'a positive integer'],
  ])('say what is wrong with %s', (json, complaint) => {
    const read = () => readQueryFlags(`--query.tenant-limits='${json}'`)
    expect(read).toThrow('THAW_QUERY_FLAGS: --query.')
    expect(read).toThrow(complaint)
  })
})

it('stand in docs/flags.md, each with its default and what it does', async () => {
  const rows = [
    ...(await readFile('docs/flags.md', 'utf8')).matchAll(/^\| `--([^`]+)` \| (.*?) \| (.*) \|$/gm),
  ].map(([, name, value, help]) => [name, value, help])
  const all: readonly [string, Flag][] = [
    ...Object.entries<Flag>(QUERY_FLAGS),
    ...Object.entries<Flag>(COMPACT_FLAGS),
    ...Object.entries<Flag>(RULE_FLAGS),
  ]
  expect(rows).toEqual(
    all.map(([name, flag]) => [name, flag.default === '' ? '' : `\`${flag.default}\``, flag.help]),
  )
})

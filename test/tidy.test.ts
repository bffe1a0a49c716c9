// The repository checks itself: who imports whom, which paths the docs name, what never goes in.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

/** Import table of the architecture page. `lib` lists folders of lib; `packages` npm packages and node: modules. */
interface Row {
  readonly lib: readonly string[] | 'any'
  readonly packages: readonly string[] | 'any'
  readonly also?: readonly string[]
}

const TABLE: Readonly<Record<string, Row>> = {
  'lib/model': { lib: [], packages: [] },
  'lib/bytes': { lib: ['model'], packages: [] },
  'lib/regex': { lib: ['model'], packages: ['re2js', 'lru-cache'] },
  'lib/tsdb': { lib: ['model', 'bytes'], packages: [] },
  'lib/bucket': { lib: ['model', 'bytes'], packages: ['yaml', 'lru-cache', 'node:'] },
  'lib/storage': { lib: ['model', 'regex'], packages: [] },
  'lib/promql': { lib: ['model', 'storage', 'regex'], packages: ['xxhash-wasm'] },
  'lib/fresh': {
    lib: ['model', 'bytes', 'regex', 'tsdb', 'bucket'],
    packages: ['node:zlib', 'node:timers/promises'],
  },
  'lib/blocks': {
    lib: ['model', 'bytes', 'tsdb', 'bucket', 'fresh'],
    packages: ['p-limit', 'lru-cache', 'node:zlib', 'node:crypto'],
  },
  'lib/store': {
    lib: ['model', 'bytes', 'regex', 'tsdb', 'bucket', 'storage', 'fresh', 'blocks'],
    packages: ['p-limit', 'lru-cache', 'node:zlib'],
  },
  'lib/compact': {
    lib: ['model', 'bytes', 'tsdb', 'bucket', 'storage', 'fresh', 'promql', 'blocks', 'store'],
    packages: ['p-limit', 'ulid', 'prom-client', 'node:crypto', 'node:zlib'],
  },
  'lib/relabel': { lib: ['model', 'regex'], packages: ['yaml', 'node:crypto'] },
  'lib/rewrite': {
    lib: [
      'model',
      'bytes',
      'regex',
      'tsdb',
      'bucket',
      'promql',
      'blocks',
      'store',
      'compact',
      'relabel',
    ],
    packages: ['yaml'],
  },
  'lib/replicate': { lib: ['model', 'bucket', 'blocks'], packages: ['p-limit'] },
  'lib/verify': {
    lib: ['model', 'bytes', 'tsdb', 'bucket', 'blocks', 'store', 'compact', 'rewrite', 'replicate'],
    packages: [],
  },
  'lib/backfill': {
    lib: ['model', 'bytes', 'tsdb', 'bucket', 'blocks', 'store', 'compact', 'exposition'],
    packages: ['ulid', 'node:crypto'],
  },
  'lib/cost': { lib: ['model', 'blocks'], packages: [] },
  'lib/query': {
    lib: ['model', 'cost', 'bytes', 'storage', 'promql', 'bucket', 'fresh', 'blocks', 'store'],
    packages: [
      'p-limit',
      'lru-cache',
      'node:crypto',
      'node:worker_threads',
      'node:timers/promises',
    ],
  },
  'lib/remote': { lib: ['model', 'bytes', 'tsdb'], packages: [] },
  'lib/remote-write': {
    lib: ['model', 'bucket', 'relabel', 'http-client', 'remote'],
    packages: [],
  },
  'lib/http-client': { lib: ['model', 'bucket'], packages: ['node:'] },
  'lib/grpc': {
    lib: ['model', 'bytes', 'regex', 'storage', 'tsdb'],
    packages: ['@grpc/grpc-js', 'node:'],
  },
  'lib/endpoints': {
    lib: ['model', 'regex', 'tsdb', 'storage', 'store', 'grpc'],
    packages: ['yaml', 'prom-client', 'node:fs/promises', 'node:dns/promises'],
  },
  'lib/store-api': {
    lib: [
      'model',
      'bytes',
      'regex',
      'tsdb',
      'bucket',
      'storage',
      'promql',
      'blocks',
      'relabel',
      'store',
      'grpc',
    ],
    packages: ['xxhash-wasm'],
  },
  'lib/auth': { lib: ['model', 'bucket'], packages: ['node:crypto', 'node:zlib'] },
  'lib/exposition': { lib: ['model', 'bytes'], packages: [] },
  'lib/alertmanager': {
    lib: ['model', 'bucket', 'regex', 'relabel', 'http-client', 'endpoints'],
    packages: ['yaml', 'node:fs/promises'],
  },
  'lib/rules': {
    lib: [
      'model',
      'bytes',
      'regex',
      'relabel',
      'promql',
      'storage',
      'tsdb',
      'bucket',
      'fresh',
      'blocks',
      'store',
      'query',
      'alertmanager',
      'remote-write',
    ],
    packages: ['yaml', 'p-limit', 'node:zlib', 'node:fs/promises', 'node:path', 'node:net'],
  },
  'lib/doctor': {
    lib: ['model', 'fresh', 'blocks', 'compact', 'rules', 'auth', 'aws'],
    packages: ['ulid'],
  },
  'lib/api': {
    lib: ['model', 'regex', 'storage', 'promql', 'remote', 'exposition'],
    packages: [
      'hono',
      '@hono/node-server',
      'node:stream',
      'node:crypto',
      'node:zlib',
      'node:net',
      'node:http',
      'node:util',
    ],
  },
  'lib/lambda': {
    lib: [
      'model',
      'bucket',
      'storage',
      'promql',
      'relabel',
      'blocks',
      'store',
      'compact',
      'rules',
      'alertmanager',
      'remote-write',
      'api',
      'endpoints',
      'auth',
    ],
    packages: [
      'hono',
      'node:events',
      'node:stream',
      'node:zlib',
      'node:util',
      'node:fs/promises',
      'node:timers/promises',
    ],
  },
  'lib/aws': { lib: ['model', 'bucket'], packages: ['@aws-sdk/', '@smithy/', 'node:'] },
  functions: { lib: 'any', packages: ['pino', 'ulid', 'prom-client', 'node:timers/promises'] },
  agent: { lib: 'any', packages: 'any', also: ['agent'] },
  cli: { lib: 'any', packages: 'any', also: ['cli', 'agent', 'localstack'] },
  infra: { lib: ['lambda'], packages: 'any', also: ['infra'] },
  packaging: { lib: [], packages: 'any', also: ['packaging', 'agent'] },
  localstack: { lib: 'any', packages: 'any', also: ['localstack', 'agent', 'infra'] },
}

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(path))

const sources = files.filter((path) => /\.(ts|tsx|mjs)$/.test(path))

function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!)
}

function rowOf(path: string): string | undefined {
  const parts = path.split('/')
  return parts[0] === 'lib' ? `lib/${parts[1]}` : parts[0]
}

function allowed(path: string, target: string): boolean {
  const name = rowOf(path)!
  const row = TABLE[name]!
  if (target === '../package.json') return name === 'agent'
  if (target.startsWith('./') || target.startsWith('../')) {
    return rowOf(new URL(target, `file:///${path}`).pathname.slice(1)) === name
  }
  const lib = /^#lib\/([^/]+)\//.exec(target)?.[1]
  if (lib) return name === `lib/${lib}` || row.lib === 'any' || row.lib.includes(lib)
  if (target.startsWith('#')) return (row.also ?? []).includes(target.slice(1).split('/')[0]!)
  return (
    row.packages === 'any' ||
    row.packages.some(
      (known) =>
        target === known ||
        target.startsWith(known.endsWith(':') || known.endsWith('/') ? known : `${known}/`),
    )
  )
}

describe('the repository', () => {
  it('has a row in the import table for every folder of lib', () => {
    const folders = new Set(sources.filter((path) => path.startsWith('lib/')).map(rowOf))
    expect([...folders].filter((folder) => !TABLE[folder!])).toEqual([])
  })

  it('imports only what the table allows', () => {
    const wrong = sources
      .filter((path) => TABLE[rowOf(path)!])
      .flatMap((path) =>
        importsOf(path)
          .filter((target) => !allowed(path, target))
          .map((target) => `${path} imports ${target}`),
      )
    expect(wrong).toEqual([])
  })

  it('refuses a planted import', () => {
    expect(allowed('lib/tsdb/x.ts', 'node:fs')).toBe(false)
    expect(allowed('lib/tsdb/x.ts', '#lib/bucket/bucket.ts')).toBe(false)
    expect(allowed('lib/store/x.ts', '#lib/promql/engine.ts')).toBe(false)
    expect(allowed('lib/store/x.ts', '../promql/engine.ts')).toBe(false)
  })

  it('has no clock, no randomness and no environment inside lib', () => {
    const banned = /\bDate\.now\(|\bMath\.random\(|\bprocess\.env\b|\bnew Date\(\)/
    const wrong = sources
      .filter((path) => path.startsWith('lib/'))
      .flatMap((path) =>
        readFileSync(path, 'utf8')
          .split('\n')
          .flatMap((line, i) =>
            banned.test(line) && !line.trimStart().startsWith('*')
              ? [`${path}:${i + 1}: ${line.trim()}`]
              : [],
          ),
      )
    expect(wrong).toEqual([])
  })

  it('has no file named for nothing', () => {
    const vague = /\/(utils?|helpers?|common|types|misc|manager|index)\.ts$/
    expect(sources.filter((path) => vague.test(path))).toEqual([])
  })

  it('has no blob larger than 1 MB', () => {
    expect(files.filter((path) => statSync(path).size > 1_000_000)).toEqual([])
  })

  it('names only paths that exist in its docs', () => {
    const docs = files.filter((path) => path.endsWith('.md') && !path.startsWith('test/data/'))
    const roots =
      /^(lib|functions|agent|cli|infra|localstack|packaging|test|bench|docs|proto|ui|\.ci)\//
    const wrong = docs.flatMap((doc) =>
      [...readFileSync(doc, 'utf8').matchAll(/`([^`\s]+)`/g)]
        .map((match) => match[1]!.replace(/[#:].*$/, ''))
        .filter((path) => roots.test(path) && !/[*<>{}…$]/.test(path) && !existsSync(path))
        .map((path) => `${doc} names ${path}`),
    )
    expect(wrong).toEqual([])
  })
})

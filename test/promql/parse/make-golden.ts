/**
 * Asks a real Prometheus about every query of queries.ts and writes golden.jsonl.
 *
 *   prometheus --config.file=empty.yml --web.listen-address=127.0.0.1:9090 --storage.tsdb.path=a
 *   prometheus --config.file=empty.yml --web.listen-address=127.0.0.1:9091 --storage.tsdb.path=b \
 *     --enable-feature=promql-experimental-functions,promql-extended-range-selectors,promql-binop-fill-modifiers
 *   node test/promql/parse/make-golden.ts http://127.0.0.1:9090 http://127.0.0.1:9091
 */
import { writeFileSync } from 'node:fs'
import { QUERIES } from './queries.ts'

const [plain, experimental] = process.argv.slice(2)

interface Reply {
  readonly status: string
  readonly data?: unknown
  readonly error?: string
}

async function ask(server: string, path: string, query: string): Promise<Reply> {
  const body = new URLSearchParams({ query })
  const response = await fetch(`${server}/api/v1/${path}`, { method: 'POST', body })
  return (await response.json()) as Reply
}

async function answerOf(server: string, query: string): Promise<Record<string, unknown>> {
  const parsed = await ask(server, 'parse_query', query)
  if (parsed.status !== 'success') {
    return { error: parsed.error!.replace('invalid parameter "query": ', '') }
  }
  const formatted = await ask(server, 'format_query', query)
  return { pretty: formatted.data, ast: parsed.data }
}

const lines: string[] = []
for (const query of QUERIES) {
  const without = await answerOf(plain!, query)
  const all = await answerOf(experimental!, query)
  const same = JSON.stringify(without) === JSON.stringify(all)
  lines.push(JSON.stringify({ query, ...without, ...(same ? {} : { experimental: all }) }))
}
const build = (await (await fetch(`${plain}/api/v1/status/buildinfo`)).json()) as {
  data: { version: string }
}
const head = JSON.stringify({ prometheus: build.data.version, command: 'see make-golden.ts' })
writeFileSync(new URL('golden.jsonl', import.meta.url), `${[head, ...lines].join('\n')}\n`)

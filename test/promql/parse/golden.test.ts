import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Feature } from '#lib/promql/options.ts'
import { astToJson } from '#lib/promql/parse/ast-json.ts'
import { ParseError } from '#lib/promql/parse/parse-error.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { prettyPrint } from '#lib/promql/parse/print.ts'
import { QUERIES } from './queries.ts'

interface Answer {
  readonly error?: string
  readonly pretty?: string
  readonly ast?: unknown
}

const [head, ...answers] = readFileSync(new URL('golden.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line)) as [
  { prometheus: string },
  ...(Answer & { query: string; experimental?: Answer })[],
]

const ALL: ReadonlySet<Feature> = new Set([
  'promql-experimental-functions',
  'promql-extended-range-selectors',
  'promql-binop-fill-modifiers',
])

function answer(query: string, features: ReadonlySet<Feature>): Answer {
  try {
    const expr = parseExpr(query, { features })
    return { pretty: prettyPrint(expr), ast: JSON.parse(JSON.stringify(astToJson(expr))) }
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    return { error: error.message }
  }
}

describe(`what Prometheus ${head.prometheus} answers`, () => {
  it('is known for every query', () => {
    expect(answers.map(({ query }) => query)).toEqual(QUERIES)
  })

  it('is the same tree, the same text or the same error', () => {
    for (const { query, experimental: _, ...theirs } of answers) {
      expect({ query, ...answer(query, new Set()) }).toEqual({ query, ...theirs })
    }
  })

  it('is the same with every experimental feature', () => {
    for (const { query, experimental, ...theirs } of answers) {
      expect({ query, ...answer(query, ALL) }).toEqual({ query, ...(experimental ?? theirs) })
    }
  })
})

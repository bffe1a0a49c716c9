import { existsSync, readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Feature } from '#lib/promql/options.ts'
import type { Expr } from '#lib/promql/parse/ast.ts'
import { astToJson } from '#lib/promql/parse/ast-json.ts'
import { FUNCTIONS } from '#lib/promql/parse/functions.ts'
import { lineAndColumn, ParseError } from '#lib/promql/parse/parse-error.ts'
import { parseExpr, parseMetricSelector } from '#lib/promql/parse/parse.ts'
import { prettyPrint, printExpr } from '#lib/promql/parse/print.ts'
import { MAX_DEPTH } from '#lib/promql/parse/token-stream.ts'
import { typeOf } from '#lib/promql/parse/type.ts'
import { findSelectors, mapExpr } from '#lib/promql/parse/walk.ts'
import { QUERIES } from './queries.ts'

const ALL: { features: ReadonlySet<Feature> } = {
  features: new Set([
    'promql-experimental-functions',
    'promql-extended-range-selectors',
    'promql-binop-fill-modifiers',
  ]),
}

function errorOf(text: string): ParseError {
  try {
    parseExpr(text, ALL)
  } catch (error) {
    if (error instanceof ParseError) return error
    throw error
  }
  throw new Error(`parsed: ${text}`)
}

describe('parseExpr', () => {
  it('gives a selector with its matchers in order, the name last', () => {
    expect(parseExpr('up{job=~"a|b", x!=""} @ end() offset 1m')).toEqual({
      type: 'vector',
      name: 'up',
      matchers: [
        { type: '=~', name: 'job', value: 'a|b' },
        { type: '!=', name: 'x', value: '' },
        { type: '=', name: '__name__', value: 'up' },
      ],
      offset: { ms: 60_000, expr: undefined },
      at: { type: 'end' },
      anchored: false,
      smoothed: false,
      position: { start: 0, end: 39 },
    })
  })

  it('leaves duration arithmetic to be resolved', () => {
    const expr = parseExpr('m[step() * 2]')
    expect(expr.type === 'matrix' && expr.range).toEqual({
      ms: 0,
      expr: {
        type: 'duration-binary',
        op: '*',
        left: { type: 'duration-call', func: 'step', position: { start: 2, end: 8 } },
        right: {
          type: 'duration',
          ms: 2000,
          seconds: 2,
          duration: false,
          position: { start: 11, end: 12 },
        },
        position: { start: 2, end: 12 },
      },
    })
  })

  it('has a vector matching exactly where both sides are vectors', () => {
    const matchings = ['a + b', 'a + 1', '1 + 1', 'a and b'].map((text) => {
      const expr = parseExpr(text)
      return expr.type === 'binary' ? expr.matching?.card : 'none'
    })
    expect(matchings).toEqual(['one-to-one', undefined, undefined, 'many-to-many'])
  })

  it('names the place of an error in UTF-16 units and in the text by bytes', () => {
    const error = errorOf('"é" +\n\u{1F600}')
    expect([error.kind, error.position, error.message]).toEqual([
      'invalid',
      6,
      "2:1: parse error: unexpected character: '\u{1F600}'",
    ])
    expect(lineAndColumn('a\n"é\u{1F600}" x', 8)).toBe('2:10')
  })

  it('keeps bytes that are not UTF-8 apart from every other string', () => {
    const expr = parseExpr('"a\\xff\\xc3\\xa9"')
    expect(expr.type === 'string' && expr.value).toBe('a\udcffé')
    expect(printExpr(expr)).toBe('"a\\xffé"')
    expect(astToJson(expr)).toEqual({ type: 'stringLiteral', val: 'a\ufffdé' })
  })
})

describe('limits', () => {
  const deep: readonly (readonly [string, (n: number) => string])[] = [
    ['parentheses', (n) => '('.repeat(n) + '1' + ')'.repeat(n)],
    ['signs', (n) => '-'.repeat(n) + 'a'],
    ['sums', (n) => 'a+'.repeat(n) + 'a'],
    ['powers', (n) => 'a^'.repeat(n) + 'a'],
    ['calls', (n) => 'abs('.repeat(n) + 'a' + ')'.repeat(n)],
    ['aggregations', (n) => 'sum('.repeat(n) + 'a' + ')'.repeat(n)],
    ['subqueries', (n) => 'a' + '[1m:]'.repeat(n)],
    ['sums in parentheses', (n) => '('.repeat(n) + 'a' + ' + 1)'.repeat(n)],
    ['durations', (n) => 'a[' + '('.repeat(n) + '1' + ')'.repeat(n) + ']'],
    ['signs of durations', (n) => 'a[' + '-'.repeat(n) + '1]'],
    ['sums of durations', (n) => 'a[' + '1+'.repeat(n) + '1]'],
  ]

  it.each(deep)('refuses %s a hundred thousand deep', (_, make) => {
    expect(errorOf(make(100_000)).reason).toMatch(/nested|subquery is only allowed/)
  })

  it.each(deep.filter(([name]) => name !== 'subqueries'))(
    'walks %s as deep as the limit lets them be',
    (name, make) => {
      let n = MAX_DEPTH
      let expr: Expr | undefined
      for (; expr === undefined && n > MAX_DEPTH / 4; n -= 50) {
        try {
          expr = parseExpr(make(n), ALL)
        } catch (error) {
          if (!(error instanceof ParseError) || !/nested|greater than 0/.test(error.reason))
            throw error
          if (name === 'signs of durations') return
        }
      }
      expect(expr).toBeDefined()
      prettyPrint(expr!)
      expect(typeOf(expr!)).toBeTypeOf('string')
      expect(mapExpr(expr!, (node) => node)).toBe(expr)
      expect(JSON.stringify(astToJson(expr!))).toBeTypeOf('string')
    },
  )

  it('reads a query of a megabyte', () => {
    const many = Array.from({ length: 40_000 }, (_, i) => `"label_with_a_name_${i}"`).join(', ')
    expect(parseExpr(`label_join(a, "d", "s", ${many})`).type).toBe('call')
    const values = Array.from({ length: 100_000 }, (_, i) => `instance-${i}`).join('|')
    expect(parseExpr(`a{instance=~"${values}"}`).type).toBe('vector')
  })
})

describe('parseMetricSelector', () => {
  it('gives the matchers', () => {
    expect(parseMetricSelector('{"a.b", c!~"d"}')).toEqual([
      { type: '=', name: '__name__', value: 'a.b' },
      { type: '!~', name: 'c', value: 'd' },
    ])
    expect(parseMetricSelector('{}')).toEqual([])
  })

  it.each([
    ['', 'unknown position: parse error: unexpected end of input'],
    [' ', '1:2: parse error: unexpected end of input'],
    ['foo bar', '1:5: parse error: unexpected identifier "bar"'],
    ['foo[5m]', '1:4: parse error: unexpected "["'],
    ['foo offset 5m', '1:5: parse error: unexpected <offset>'],
    ['1', '1:1: parse error: unexpected number "1"'],
    ['foo{a="b"', '1:10: parse error: unexpected end of input inside braces'],
  ])('refuses %j', (text, message) => {
    let seen: unknown
    try {
      seen = parseMetricSelector(text)
    } catch (error) {
      seen = error
    }
    expect(seen).toBeInstanceOf(ParseError)
    expect((seen as ParseError).message).toBe(message)
  })
})

describe('FUNCTIONS', () => {
  it('has ninety, seventeen of them experimental', () => {
    const all = [...FUNCTIONS.values()]
    expect([all.length, all.filter(({ experimental }) => experimental).length]).toEqual([90, 17])
  })
})

describe('findSelectors', () => {
  it('finds each selector with what is around it', () => {
    const found = findSelectors(
      parseExpr('sum(rate(a[5m])) / max_over_time(max_over_time(b[1h:])[1d:])'),
    )
    expect(
      found.map(({ selector, matrix, ancestors }) => [
        selector.name,
        matrix?.range.ms,
        ancestors.map(({ type }) => type),
      ]),
    ).toEqual([
      ['a', 300_000, ['binary', 'aggregation', 'call']],
      ['b', undefined, ['binary', 'call', 'subquery', 'call', 'subquery']],
    ])
  })
})

describe('printing', () => {
  // Less than a millisecond of range prints as 0s, in Prometheus too, and that is not a range.
  const valid = QUERIES.filter((query) => {
    try {
      return !/[[:]0s/.test(printExpr(parseExpr(query, ALL)))
    } catch {
      return false
    }
  })

  it('gives text that means the same and prints the same again', () => {
    expect(valid.length).toBeGreaterThan(200)
    for (const query of valid) {
      const printed = printExpr(parseExpr(query, ALL))
      expect([query, printExpr(parseExpr(printed, ALL))]).toEqual([query, printed])
      const pretty = prettyPrint(parseExpr(query, ALL))
      expect([query, printExpr(parseExpr(pretty, ALL))]).toEqual([query, printed])
    }
  })

  it('holds for random joins of queries', () => {
    const operand = fc.constantFrom(
      ...valid.filter(
        (query) => typeOf(parseExpr(query, ALL)) === 'vector' && !query.includes('#'),
      ),
    )
    const joined = fc.tuple(
      operand,
      fc.constantFrom('+', 'and', '^', '> bool', 'unless on (a)'),
      operand,
    )
    fc.assert(
      fc.property(joined, ([left, op, right]) => {
        const printed = printExpr(parseExpr(`(${left}) ${op} sum by (a) (${right})`, ALL))
        expect(printExpr(parseExpr(printed, ALL))).toBe(printed)
      }),
    )
  })
})

describe('hostile text', () => {
  /** Anything but a ParseError comes through and fails the property. */
  const isRead = (text: string): boolean => {
    try {
      return prettyPrint(parseExpr(text, ALL)) !== ''
    } catch (error) {
      if (error instanceof ParseError) return error.reason !== ''
      throw error
    }
  }

  it('of any characters is an expression or a ParseError', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 })
    fc.assert(
      fc.property(text, (query) => {
        expect(isRead(query)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('of PromQL words in any order is an expression or a ParseError', () => {
    const words = fc.constantFrom(
      ...QUERIES.flatMap((query) => query.match(/\w+|"[^"]*"|[^\w\s]/g) ?? []),
    )
    const text = fc.array(words, { maxLength: 15 }).map((list) => list.join(' '))
    fc.assert(
      fc.property(text, (query) => {
        expect(isRead(query)).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })
})

const SCRIPTS = new URL('../../../../shared/promqltest/', import.meta.url)

describe("Prometheus's own test scripts", () => {
  it('hold only expressions that parse, but for those that expect not to', ({ skip }) => {
    if (!existsSync(SCRIPTS)) skip('shared/promqltest is not beside this checkout')
    const refused: string[] = []
    let count = 0
    for (const file of readdirSync(SCRIPTS).filter((name) => name.endsWith('.test'))) {
      const lines = readFileSync(new URL(file, SCRIPTS), 'utf8').split('\n')
      lines.forEach((line, i) => {
        const eval_ =
          /^\s*eval(_\w+)? (?:instant at \S+|range from \S+ to \S+ step \S+)\s+(.*\S)\s*$/.exec(
            line,
          )
        if (eval_ === null) return
        count++
        try {
          parseExpr(eval_[2]!, ALL)
        } catch {
          const expectsFailure =
            eval_[1] === '_fail' || /^\s*expect(ed)?_?\s*fail/.test(lines[i + 1] ?? '')
          if (!expectsFailure) refused.push(`${file}:${i + 1}: ${eval_[2]}`)
        }
      })
    }
    expect([count > 1_000, refused]).toEqual([true, []])
  })
})

// The generator knows all that the parser knows: a new function, operator or keyword cannot be forgotten.
import { describe, expect, it } from 'vitest'
import type { Duration, DurationExpr, Expr } from '#lib/promql/parse/ast.ts'
import { FUNCTIONS } from '#lib/promql/parse/functions.ts'
import { Lexer } from '#lib/promql/parse/lex.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { AGGREGATORS, OPERATORS, WORDS } from '#lib/promql/parse/token.ts'
import { visit } from '#lib/promql/parse/walk.ts'
import { SCRAPED, STARTED, type Dataset } from './catalogue.ts'
import { randomQuery } from './generate.ts'
import { FEATURES } from './thaw.ts'

const features = new Set(FEATURES)
const COUNT = 5000

/** Queries of the generator that parse; a few are refused, as by Prometheus. */
function parsed(dataset: Dataset): { query: string; expr: Expr }[] {
  const found: { query: string; expr: Expr }[] = []
  for (let number = 0; number < COUNT; number++) {
    const { query } = randomQuery(1, number, 'both', dataset).params
    try {
      found.push({ query, expr: parseExpr(query, { features }) })
    } catch {
      continue
    }
  }
  return found
}

function tokenKinds(query: string): string[] {
  const lexer = new Lexer(query)
  const kinds: string[] = []
  for (let token = lexer.next(); token.kind !== 'end of input'; token = lexer.next()) {
    kinds.push(token.kind)
  }
  return kinds
}

/** What cannot be told from tokens. */
function facts(node: Expr, note: (fact: string) => void): void {
  switch (node.type) {
    case 'call':
      note(`${node.func}(${node.args.length})`)
      note(`${node.func}()`)
      break
    case 'aggregation':
      note(`${node.op} ${node.without ? 'without' : 'by'}`)
      break
    case 'unary':
      note(`unary ${node.op}`)
      break
    case 'binary':
      note(`binary ${node.op}`)
      if (!node.matching) note(`binary ${node.op} scalar`)
      else note(`${node.matching.card} ${node.matching.on ? 'on' : 'ignoring'}`)
      break
    case 'vector':
    case 'subquery':
      note(node.offset.ms < 0 ? `${node.type} negative offset` : `${node.type} offset`)
      if (node.at) note(`${node.type} @ ${node.at.type}`)
      noteDuration(node.offset, 'offset', note)
      if (node.type === 'vector') {
        if (node.name === '') note('quoted name')
        for (const { type } of node.matchers) note(`matcher ${type}`)
      } else {
        note(node.step ? 'subquery step' : 'subquery default step')
        noteDuration(node.range, 'range', note)
        if (node.step) noteDuration(node.step, 'step', note)
      }
      break
    case 'matrix':
      noteDuration(node.range, 'range', note)
      if (node.selector.anchored) note('range anchored')
      if (node.selector.smoothed) note('range smoothed')
      break
    case 'number':
    case 'string':
    case 'paren':
      note(node.type)
      break
    default:
      node satisfies never
  }
}

function noteDuration({ expr }: Duration, of: string, note: (fact: string) => void): void {
  if (!expr) return
  note(`${of} expression`)
  const see = (part: DurationExpr): void => {
    switch (part.type) {
      case 'duration':
        return
      case 'duration-binary':
        note(`duration ${part.op}`)
        see(part.left)
        see(part.right)
        return
      case 'duration-unary':
        note(`duration unary ${part.op}`)
        see(part.input)
        return
      case 'duration-call':
        note(`duration ${part.func}()`)
        return
      case 'duration-paren':
        see(part.input)
        return
      default:
        part satisfies never
    }
  }
  see(expr)
}

describe('the generator', () => {
  const queries = parsed(SCRAPED)
  const seen = new Set<string>()
  for (const { query, expr } of queries) {
    for (const kind of tokenKinds(query)) seen.add(kind)
    visit(expr, (node) => facts(node, (fact) => seen.add(fact)))
  }
  const missing = (wanted: Iterable<string>): string[] =>
    [...wanted].filter((fact) => !seen.has(fact))

  it('writes queries of which nearly all are valid', () => {
    expect(queries.length).toBeGreaterThan(0.97 * COUNT)
    expect(parsed(STARTED).length).toBeGreaterThan(0.97 * COUNT)
  })

  it('calls every function, with every number of arguments up to two more than are named', () => {
    const calls = [...FUNCTIONS.values()].flatMap(({ name, argTypes, variadic }) => {
      if (variadic === 0) return [`${name}(${argTypes.length})`]
      const most = argTypes.length + (variadic < 0 ? 2 : Math.min(variadic - 1, 2))
      // The quantile of histogram_quantiles() may be left out of the grammar's count, but not of a call.
      const least = argTypes.length - (name === 'histogram_quantiles' ? 0 : 1)
      return Array.from({ length: most - least + 1 }, (_, i) => `${name}(${least + i})`)
    })
    expect(missing(calls)).toEqual([])
  })

  it('writes every word and operator of the language', () => {
    expect(missing(WORDS.values())).toEqual([])
    expect(missing([...OPERATORS].filter((operator) => !operator.includes('~')))).toEqual([])
  })

  it('groups every aggregation both ways', () => {
    expect(missing([...AGGREGATORS].flatMap((op) => [`${op} by`, `${op} without`]))).toEqual([])
  })

  it('writes every operator between vectors, and all but those of sets between scalars', () => {
    const operators = [...OPERATORS].filter((operator) => !/~|@/.test(operator))
    expect(missing(operators.map((op) => `binary ${op}`))).toEqual([])
    const ofScalars = operators.filter((op) => !/^(and|or|unless|<\/|>\/)$/.test(op))
    expect(missing(ofScalars.map((op) => `binary ${op} scalar`))).toEqual([])
  })

  it('matches, places and cuts out in every way', () => {
    const matchings = ['one-to-one', 'many-to-one', 'one-to-many', 'many-to-many'].flatMap(
      (card) => [`${card} on`, `${card} ignoring`],
    )
    const places = ['vector', 'subquery'].flatMap((type) =>
      ['offset', 'negative offset', '@ timestamp', '@ start', '@ end'].map(
        (place) => `${type} ${place}`,
      ),
    )
    const ranges = ['range anchored', 'range smoothed', 'subquery step', 'subquery default step']
    const matchers = ['matcher =', 'matcher !=', 'matcher =~', 'matcher !~', 'quoted name']
    const others = ['unary -', 'unary +', 'paren', 'string', 'number']
    expect(missing([...matchings, ...places, ...ranges, ...matchers, ...others])).toEqual([])
  })

  it('computes durations in every way', () => {
    const operations = '+ - * / % ^ min_of max_of step() range()'.split(' ')
    const wanted = [...operations, 'unary -'].map((one) => `duration ${one}`)
    const where = ['range expression', 'offset expression', 'step expression']
    expect(missing([...wanted, ...where])).toEqual([])
  })
})

import fc from 'fast-check'
import { RE2JS } from 're2js'
import { describe, expect, it } from 'vitest'
import { DomainError } from '#lib/model/errors.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import { compileRegex, MAX_LITERALS, MAX_PATTERN_LENGTH } from '#lib/regex/regex.ts'

describe('compileRegex', () => {
  it.each<[string, string[], string[]]>([
    ['a', ['a'], ['', 'aa', 'b']],
    ['', [''], ['a']],
    ['.*', ['', 'a', 'a\nb'], []],
    ['.+', ['a', '\n', '\u{1F600}'], ['']],
    ['api-.*', ['api-', 'api-\n'], ['api', 'xapi-']],
    ['api-.+', ['api-1'], ['api-']],
    ['.*-prod', ['-prod', 'a-prod'], ['prod', 'a-prodx']],
    ['.*prod.*', ['prod', 'xprodx'], ['pro']],
    ['.+a.+b', ['xayb', 'aaab'], ['ayb', 'xab', 'xayc']],
    ['ab.*ba', ['abba', 'ab-ba'], ['aba']],
    ['.+.+', ['ab', '\u{1F600}b'], ['a', '\u{1F600}']],
    ['a|b|c(d|e)', ['a', 'b', 'cd', 'ce'], ['c', 'ab']],
    ['https?', ['http', 'https'], ['httpss']],
    ['(a|b)?c', ['c', 'ac'], ['abc', 'a']],
    ['^foo$|bar', ['foo', 'bar'], ['^foo$']],
    ['[0-2a]x', ['0x', '2x', 'ax'], ['3x', 'x']],
    ['a\\.b', ['a.b'], ['axb']],
    ['a.b', ['axb', 'a\nb'], ['ab']],
    ['(?i)abc', ['ABC', 'abc'], ['abcd']],
    ['\u{10000}|\u{1F600}+', ['\u{10000}', '\u{1F600}\u{1F600}'], ['\ud800', '']],
  ])('%j matches whole values', (pattern, yes, no) => {
    const regex = compileRegex(pattern)
    expect([yes.filter(regex.test), no.filter(regex.test)]).toEqual([yes, []])
  })

  it('knows the literals of a finite pattern and the prefix of every other', () => {
    const facts = [
      'a|b|a',
      'x(y|z)?',
      'api-.*',
      'api[0-9]+',
      'api\\.v+1',
      '(?i)api',
      'ab?',
      'foo|fob.*',
      '.*',
    ].map((pattern) => [pattern, compileRegex(pattern).literals, compileRegex(pattern).prefix])
    expect(facts).toEqual([
      ['a|b|a', ['a', 'b'], ''],
      ['x(y|z)?', ['xy', 'xz', 'x'], 'x'],
      ['api-.*', undefined, 'api-'],
      ['api[0-9]+', undefined, 'api'],
      ['api\\.v+1', undefined, 'api.v'],
      ['(?i)api', undefined, ''],
      ['ab?', ['ab', 'a'], 'a'],
      ['foo|fob.*', undefined, 'fo'],
      ['.*', undefined, ''],
    ])
  })

  it.each([
    ['a(', 'error parsing regexp: missing closing ): `a(`'],
    ['a)|(b', 'error parsing regexp: unexpected ): `a)|(b`'],
    ['*', 'error parsing regexp: missing argument to repetition operator: `*`'],
    ['a**', 'error parsing regexp: invalid nested repetition operator: `**`'],
    ['a{1001}', 'error parsing regexp: invalid repeat count: `{1001}`'],
    ['[z-a]', 'error parsing regexp: invalid character class range: `z-a`'],
    ['(?=a)', 'error parsing regexp: invalid or unsupported Perl syntax: `(?=`'],
    ['\\', 'error parsing regexp: trailing backslash at end of expression: ``'],
    ['a\udc80', 'error parsing regexp: invalid UTF-8: `a\ufffd`'],
  ])('refuses %j', (pattern, message) => {
    expect(() => compileRegex(pattern)).toThrow(new DomainError('invalid', message))
  })

  it('agrees with RE2 on whatever it takes a short way for', () => {
    const atom = fc.constantFrom(
      'a',
      'b',
      '-',
      '\\.',
      '.*',
      '.+',
      '[ab]',
      '[a-c]?',
      'b?',
      '\u{1F600}',
      '\n',
    )
    const concatenation = fc.array(atom, { maxLength: 5 }).map((atoms) => atoms.join(''))
    const group = fc
      .tuple(concatenation, concatenation, concatenation)
      .map(([head, one, two]) => `${head}(${one}|${two})`)
    const pattern = fc
      .array(fc.oneof(concatenation, group), { minLength: 1, maxLength: 3 })
      .map((parts) => parts.join('|'))
    const value = fc
      .array(fc.constantFrom('a', 'b', 'c', '-', '.', '\u{1F600}', '\n'), { maxLength: 6 })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(pattern, fc.array(value, { maxLength: 8 }), (text, values) => {
        const regex = compileRegex(text)
        const re2 = RE2JS.compile(text, RE2JS.DOTALL)
        for (const candidate of [...values, '', 'a', 'ab', 'a.b', ...(regex.literals ?? [])]) {
          const truth = re2.testExact(candidate)
          expect([text, candidate, regex.test(candidate)]).toEqual([text, candidate, truth])
          if (!truth) continue
          expect(candidate.startsWith(regex.prefix)).toBe(true)
          expect(regex.literals?.includes(candidate) ?? true).toBe(true)
        }
      }),
      { numRuns: 1_500 },
    )
  })

  it('takes a million alternatives', () => {
    const values = Array.from({ length: 1_000_000 }, (_, i) => `v${i}`)
    const regex = compileRegex(values.join('|'))
    expect([regex.test('v999999'), regex.test('v1000000'), regex.literals]).toEqual([
      true,
      false,
      undefined,
    ])
    expect(compileRegex(values.slice(0, MAX_LITERALS).join('|')).literals?.length).toBe(
      MAX_LITERALS,
    )
  })

  it('refuses what would take long to compile', () => {
    expect(() => compileRegex('a+|'.repeat(MAX_PATTERN_LENGTH))).toThrow(/expression too large/)
    expect(() => compileRegex('('.repeat(100_000))).toThrow(/^error parsing regexp/)
  })

  it('does not write out products without end', () => {
    const regex = compileRegex('(a|b)'.repeat(40))
    expect([regex.test('ab'.repeat(20)), regex.test('ab')]).toEqual([true, false])
  })

  it('is linear where backtracking is not', () => {
    expect(compileRegex('(x+x+)+y').test('x'.repeat(20_000))).toBe(false)
  })
})

describe('replaceFull', () => {
  it.each([
    ['(.*)-(.*)', 'a-b', '$2-$1', 'b-a'],
    ['(.*)-(?P<n>.*)', 'a-b', '${n}$n', 'bb'],
    ['(.*)', 'a', '$1x', ''],
    ['(.*)', 'a', '${1}x', 'ax'],
    ['(.*)', 'a', '$$1', '$1'],
    ['(.*)', 'a', '$0 $7 $01', 'a  '],
    ['(.*)', 'a', '$ ${ ${} ${1 $-', '$ ${ ${} ${1 $-'],
    ['(a)|(b)', 'b', '[$1$2]', '[b]'],
    ['a|ab(c|bcd)?', 'abbcd', '<$1>', '<bcd>'],
    ['x(.*)', 'a', '$1', undefined],
    ['a', 'ab', 'x', undefined],
    ['(?s:(.+))', 'a\nb', '$1!', 'a\nb!'],
  ])('%j on %j with %j', (pattern, value, template, result) => {
    expect(compileRegex(pattern).replaceFull(value, template)).toBe(result)
  })
})

describe('compileMatcher', () => {
  it('says for each type what is selected', () => {
    const facts = (matcher: Matcher): unknown[] => {
      const { matches, matchesEmpty, literals, prefix } = compileMatcher(matcher)
      return [matches('a'), matches('b'), matchesEmpty, literals, prefix]
    }
    expect(
      (['=', '!=', '=~', '!~'] as const).map((type) => facts({ type, name: 'l', value: 'a' })),
    ).toEqual([
      [true, false, false, ['a'], 'a'],
      [false, true, true, ['a'], ''],
      [true, false, false, ['a'], 'a'],
      [false, true, true, ['a'], ''],
    ])
    expect(facts({ type: '=~', name: 'l', value: '.*' })).toEqual([true, true, true, undefined, ''])
    expect(facts({ type: '=', name: 'l', value: '' })).toEqual([false, false, true, [''], ''])
  })
})

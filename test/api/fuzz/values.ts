/** Values of parameters: good ones, and every way in which a client gets them wrong. */
import type { RandomSource } from '#test/promql/random/random-source.ts'

export type ValueKind =
  | 'time'
  | 'duration'
  | 'boolean'
  | 'integer'
  | 'expression'
  | 'selector'
  | 'resolution'
  | 'before'
  | 'after'
  | 'text'

export const GOOD: Readonly<Record<ValueKind, readonly string[]>> = {
  time: [
    '1700000031',
    '1700000031.5',
    '1700000060.123',
    '2023-11-14T22:13:51Z',
    '2023-11-14T22:13:51.5+02:00',
    '0',
  ],
  duration: ['15', '60', '1m', '7.25', '1h30m', '500ms', '300s'],
  boolean: ['true', 'false', '1', '0', 'T', 'FALSE'],
  integer: ['0', '1', '2', '100', '+7'],
  expression: [
    'm',
    'm[5m]',
    'rate(m[1m])',
    'sum by (a) (m)',
    'histogram_quantile(0.9, histogram)',
    'histogram',
    'rate(float_histogram[2m])',
    'topk(1, {__name__=~".+"})',
    'm + on (a) group_left () m',
    '1',
    '"text"',
    'label_replace(m, "b", "$1", "a", "(.*)")',
    'max_over_time(m[10m:30s])',
    'm @ 1700000031 offset -1m',
    'absent(nope)',
    '{"m", "a"="x"}',
    'count_values("v", {job="b"})',
    'quantile(2, m)',
    '-custom_buckets',
    'vector(time())',
  ],
  selector: [
    'm',
    '{a="x"}',
    'm{a=~"x|y.*"}',
    '{__name__=~".+"}',
    'nope',
    '{job!="", a=""}',
    'histogram',
  ],
  // Of all the data there is.
  before: ['1600000000', '1699999200.000', '2020-01-01T00:00:00Z', '0'],
  after: ['1700010000', '1800000000.5', '2023-12-01T00:00:00+01:00'],
  resolution: ['0', 'auto', '5m', '1h', '42s'],
  text: ['m', 'x', 'any', 'alert', 'loaded', '{"a":"b"}', '.*'],
}

const EXTREME = [
  '-1',
  '-0',
  '1e308',
  '-1e308',
  '1e999',
  '1e-999',
  'NaN',
  'Inf',
  '-Inf',
  '+inf',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '99999999999999999999999999',
  '0x10',
  '1_000',
  '1e3',
  '0.0000000001',
  '292277025-08-18T07:12:54.999999999Z',
  '-292273086-05-16T16:47:06Z',
  '9999-12-31T23:59:59.999999999Z',
  '0000-00-00T00:00:00Z',
  '1000000y',
  '1y1y',
  '1ns',
  '{}',
  '{__name__=~".*"}',
  '{a="x"',
  'm{a=~"("}',
  'm{a=~"(a+)+$"}',
  'm[1000y:1ms]',
  'm[0s]',
  'm offset 1000000000y',
  'm @ 1e300',
  'sum(((((((((((((((((((((((((((((((m)))))))))))))))))))))))))))))))',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  '[object Object]',
  '../../etc/passwd',
  "'; drop table m; --",
  '<script>alert(1)</script>',
  '\u{1F600}',
  '\ud800',
  '\u2028\u2029',
  '\0',
  '\r\nx-injected: 1',
  ' ',
  '\t1700000031\n',
  '٣',
  'é',
]

export function randomValue(random: RandomSource, kind: ValueKind): string {
  return random.weighted<() => string>([
    [55, () => random.pick(GOOD[kind])],
    [6, () => ''],
    [10, () => random.pick(GOOD[random.pick(Object.keys(GOOD) as ValueKind[])])],
    [14, () => random.pick(EXTREME)],
    [9, () => mutated(random, random.pick(GOOD[kind]))],
    [4, () => garbage(random, random.below(40))],
    [1, () => random.pick(GOOD[kind]).repeat(1 + random.below(3000))],
    [1, () => random.pick(['(', '-', 'm+', '{', '[', '"', '\\']).repeat(1 + random.below(5000))],
  ])()
}

const CHARS = [...'mxa09(){}[]<>=!~+-*/%^@:,."\'`\\#_ \n\t\u00e9\u{1F600}\ud800\u0000']

function mutated(random: RandomSource, text: string): string {
  const at = random.below(text.length + 1)
  const end = at + random.below(4)
  return text.slice(0, at) + (random.chance(0.7) ? random.pick(CHARS) : '') + text.slice(end)
}

export function garbage(random: RandomSource, length: number): string {
  return Array.from({ length }, () => random.pick(CHARS)).join('')
}

/** Label names as they stand in a path: plain, any UTF-8, escaped with `U__`, wrong. */
export const PATH_NAMES = [
  'a',
  '__name__',
  'job',
  'nope',
  '9a',
  'a.b',
  'U__a_2e_b',
  'U__',
  'U___',
  'U__a_zz_',
  'U__a_110000_',
  'U__a_d800_',
  'U______name____',
  '%C3%BC',
  '%F0%9F%98%80',
  '%ff',
  '%ED%A0%80',
  '%zz',
  '%',
  '%2F',
  '%00',
  '%20',
  '__proto__',
  'constructor',
  'a'.repeat(5000),
  '',
]

/** Every function of PromQL 3.14 and what it takes. */
import type { ValueType } from './ast.ts'

export interface FunctionSignature {
  readonly name: string
  readonly argTypes: readonly ValueType[]
  /**
   * 0: exactly `argTypes`. n: the last may be missing, or there may be up to n of it.
   * -1: the last may be missing or there may be any number of it.
   */
  readonly variadic: number
  readonly returnType: ValueType
  /** Refused without `promql-experimental-functions`. */
  readonly experimental: boolean
}

const LETTERS: Readonly<Record<string, ValueType>> = {
  v: 'vector',
  m: 'matrix',
  s: 'scalar',
  t: 'string',
}

/** `mss` → `v`: arguments and result by first letter (t is text, a string), then variadic, then names. */
const TABLE: readonly (readonly [
  args: string,
  result: string,
  variadic: number,
  names: string,
  flag?: 'experimental',
])[] = [
  ['', 's', 0, 'time pi'],
  ['', 's', 0, 'start end step range', 'experimental'],
  [
    'm',
    'v',
    0,
    `absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta increase irate
    last_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time
    sum_over_time`,
  ],
  [
    'm',
    'v',
    0,
    `mad_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time`,
    'experimental',
  ],
  ['ms', 'v', 0, 'predict_linear'],
  ['sm', 'v', 0, 'quantile_over_time'],
  ['mss', 'v', 0, 'double_exponential_smoothing', 'experimental'],
  [
    'v',
    'v',
    0,
    `abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg histogram_count
    histogram_stddev histogram_stdvar histogram_sum ln log10 log2 rad sgn sin sinh sort sort_desc sqrt tan tanh
    timestamp`,
  ],
  ['v', 'v', 0, 'start_timestamp', 'experimental'],
  ['v', 'v', 1, 'day_of_month day_of_week day_of_year days_in_month hour minute month year'],
  ['vs', 'v', 0, 'clamp_max clamp_min'],
  ['vs', 'v', 1, 'round'],
  ['vss', 'v', 0, 'clamp'],
  ['sv', 'v', 0, 'histogram_quantile'],
  ['ssv', 'v', 0, 'histogram_fraction'],
  ['vtss', 'v', 9, 'histogram_quantiles', 'experimental'],
  ['vt', 'v', -1, 'sort_by_label sort_by_label_desc', 'experimental'],
  ['vtttt', 'v', 0, 'label_replace'],
  ['vttt', 'v', -1, 'label_join'],
  ['vv', 'v', 1, 'info', 'experimental'],
  ['v', 's', 0, 'scalar'],
  ['s', 'v', 0, 'vector'],
  ['ss', 's', 0, 'max_of min_of', 'experimental'],
]

export const FUNCTIONS: ReadonlyMap<string, FunctionSignature> = new Map(
  TABLE.flatMap(([args, result, variadic, names, flag]) =>
    names.split(/\s+/).map((name) => [
      name,
      {
        name,
        argTypes: args.split('').map((letter) => LETTERS[letter]!),
        variadic,
        returnType: LETTERS[result]!,
        experimental: flag === 'experimental',
      },
    ]),
  ),
)

/** Random calls of every function, each argument by the function's signature and by what makes sense for it. */
import type { ValueType } from '#lib/promql/parse/ast.ts'
import { FUNCTIONS, type FunctionSignature } from '#lib/promql/parse/functions.ts'
import { type Kind, LABEL_NAMES } from './catalogue.ts'
import type { Grammar } from './generate.ts'
import type { RandomSource } from './random-source.ts'
import { selector } from './selectors.ts'

const BY_RESULT = Map.groupBy(FUNCTIONS.values(), ({ returnType }) => returnType)

export function functionsGiving(type: ValueType): readonly FunctionSignature[] {
  return BY_RESULT.get(type) ?? []
}

const QUANTILES = ['0.5', '0.9', '0.99', '0', '1', '0.25', '-1', '2', 'NaN']
const BOUNDS = ['0', '0.1', '0.5', '1', '2', '-1', '5', 'Inf', '-Inf', '1000', 'NaN']

/** Functions that are given histograms, whatever is wanted. */
const OF_HISTOGRAMS = /^histogram_(avg|count|sum|stddev|stdvar|quantile|quantiles|fraction)$/
const OF_DATES = new Set(
  'day_of_month day_of_week day_of_year days_in_month hour minute month year'.split(' '),
)

export function callOf(
  all: Grammar,
  signature: FunctionSignature,
  depth: number,
  wanted: Kind,
): string {
  const { random } = all
  const { name } = signature
  if (name === 'info') return info(all, depth, wanted)
  const args = signature.argTypes.map((type, i) => argument(all, signature, i, type, depth, wanted))
  if (signature.variadic !== 0)
    varyLast(random, signature, args, () => {
      const last = signature.argTypes.length - 1
      return argument(all, signature, last, signature.argTypes[last]!, depth, wanted)
    })
  return `${name}(${args.join(', ')})`
}

/** Leaves the last argument out or gives more of it, as far as the function takes it. */
function varyLast(
  random: RandomSource,
  { variadic }: FunctionSignature,
  args: string[],
  another: () => string,
): void {
  // The name of histogram_quantiles() needs a quantile to go with it.
  if (args.length > 2 && variadic > 0) {
    for (let n = random.below(3); n > 0; n--) args.push(another())
    return
  }
  if (random.chance(0.4)) args.pop()
  else if (variadic < 0) for (let n = random.below(3); n > 0; n--) args.push(another())
}

function argument(
  all: Grammar,
  { name }: FunctionSignature,
  index: number,
  type: ValueType,
  depth: number,
  wanted: Kind,
): string {
  const { random } = all
  switch (type) {
    case 'vector':
      return vectorArgument(all, name, depth, wanted)
    case 'matrix':
      return all.range(depth - 1, wanted, name)
    case 'scalar':
      return scalarArgument(all, name, index, depth)
    case 'string':
      return stringArgument(random, name, index)
  }
}

function vectorArgument(all: Grammar, name: string, depth: number, wanted: Kind): string {
  const { random } = all
  if (OF_HISTOGRAMS.test(name)) return histograms(all, name, depth)
  // Only of a selector do these know more than the time of the step.
  if (name.endsWith('timestamp') && random.chance(0.6)) return selector(all, wanted)
  if (OF_DATES.has(name) && random.chance(0.6)) {
    return random.pick(['unix_seconds', 'unix_seconds * 7', 'unix_seconds - 86400 * 365 * 4'])
  }
  return all.vector(depth - 1, wanted)
}

function histograms(all: Grammar, name: string, depth: number): string {
  const { random } = all
  const classic = /quantile|fraction/.test(name) && random.chance(0.5)
  if (!classic) return all.vector(depth - 1, random.chance(0.85) ? 'histogram' : 'any')
  const range = random.pick(['2m', '5m', '20m'])
  const rate = `${random.pick(['rate', 'increase', 'delta'])}(classic_seconds_bucket[${range}])`
  return random.pick([
    'classic_seconds_bucket',
    rate,
    `sum by (le, job) (${rate})`,
    `sum by (le) (${rate})`,
    `{__name__=~"classic_seconds_bucket|native_seconds"}`,
    `classic_seconds_bucket and on (instance) ${all.vector(depth - 1, 'any')}`,
  ])
}

function scalarArgument(all: Grammar, name: string, index: number, depth: number): string {
  const { random } = all
  if (random.chance(0.08)) return all.scalar(depth - 1)
  switch (name) {
    case 'quantile_over_time':
    case 'histogram_quantile':
    case 'histogram_quantiles':
      return random.pick(QUANTILES)
    case 'histogram_fraction':
      return random.pick(index === 0 ? ['0', '-Inf', '0.1', '1', '-2', 'NaN'] : BOUNDS)
    case 'double_exponential_smoothing':
      return random.pick(['0.5', '0.1', '0.9', '0.01'])
    case 'predict_linear':
      return random.pick(['3600', '-60', '0', '1e5', '1h'])
    case 'round':
      return random.pick(['1', '0.1', '5', '0.25', '-1', '1e-3', '0'])
    case 'clamp':
    case 'clamp_max':
    case 'clamp_min':
      return random.pick(BOUNDS)
    default:
      return all.scalar(depth - 1)
  }
}

function stringArgument(random: RandomSource, name: string, index: number): string {
  const label = (): string => JSON.stringify(random.pick(LABEL_NAMES))
  switch (name) {
    case 'label_replace': {
      const values = [
        JSON.stringify(random.pick([...LABEL_NAMES, 'new', '__name__'])),
        random.pick(['"$1"', '"x-$1"', '"$0$2"', '"${1}y"', '"$name"', '""', '"fixed"', '"$$1"']),
        JSON.stringify(random.pick([...LABEL_NAMES, '__name__'])),
        random.pick(['"(.*)"', '"(.+):(.+)"', '"(?P<name>[a-z]).*"', '""', '"a.*"', '"(.)(.*)"']),
      ]
      return values[index - 1]!
    }
    case 'label_join':
      if (index === 1) return JSON.stringify(random.pick(['new', 'job', 'label.ä', '__name__']))
      return index === 2 ? random.pick(['"-"', '""', '", "']) : label()
    case 'histogram_quantiles':
      return random.pick(['"quantile"', '"q"', '"job"', '"label.ä"'])
    default:
      return label()
  }
}

const INFO_MATCHERS = [
  '{version=~".+"}',
  '{region=~".*"}',
  '{__name__="build_info"}',
  '{__name__=~".+_info"}',
  '{__name__=~".+_info", version=~".+"}',
  '{version="1.0"}',
  '{missing=~".+"}',
  '{region!="r0"}',
  '{__name__="build_info", revision=~"x[12]"}',
]

function info(all: Grammar, depth: number, wanted: Kind): string {
  const input = all.vector(depth - 1, wanted)
  return all.random.chance(0.4)
    ? `info(${input})`
    : `info(${input}, ${all.random.pick(INFO_MATCHERS)})`
}

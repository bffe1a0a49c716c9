/** The metrics of the data as the generator knows them: what selects some of them, and what their samples are. */

import { START_MS } from '#test/data/made-series.ts'
import { DATA_END_MS, DATA_START_MS } from './data.ts'

/** What a query is made to have: only `histogram` has native histograms, `any` may. */
export type Kind = 'float' | 'histogram' | 'any'

export interface Metric {
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'classic' | 'native' | 'mixed'
  /** One series for each job and instance. */
  readonly perTarget: boolean
  readonly labels: Readonly<Record<string, readonly string[]>>
}

const TARGET = { job: ['api', 'web'], instance: ['a:1', 'b:2'] }

const TYPED = (type: string): Metric['labels'] => ({ __type__: [type], __unit__: ['seconds'] })

const metric = (
  kind: Metric['kind'],
  name: string,
  perTarget: boolean,
  more: Metric['labels'] = {},
): Metric => ({ name, kind, perTarget, labels: { ...TARGET, ...more } })

const METRICS: readonly Metric[] = [
  metric('counter', 'requests_total', false, { code: ['200', '404', '500'] }),
  metric('counter', 'requests_total', false, { code: ['200', '404', '500'] }),
  metric('counter', 'bytes_total', true),
  metric('gauge', 'temperature', true, { zone: ['n', 's'] }),
  metric('gauge', 'level', true),
  metric('gauge', 'up', true),
  metric('gauge', 'flapping', true),
  metric('gauge', 'target_info', true, { version: ['1.0', '2.0'], region: ['r0', 'r3'] }),
  metric('gauge', 'build_info', true, { version: ['3.1', ''] }),
  metric('gauge', 'special', false, { kind: ['all', 'inf', 'nan', 'big'] }),
  metric('gauge', 'sparse', true),
  metric('gauge', 'constant', false),
  metric('gauge', 'gone', true),
  metric('gauge', 'late', true),
  metric('gauge', 'once', true),
  metric('gauge', 'dotted.name', false, { 'label.ä': ['ü', '😀'] }),
  metric('gauge', 'unix_seconds', false),
  metric('classic', 'classic_seconds_bucket', false, { le: ['0.1', '1', '+Inf'] }),
  metric('counter', 'classic_seconds_count', true),
  metric('counter', 'classic_seconds_sum', true),
  metric('native', 'native_seconds', true),
  metric('native', 'native_float_seconds', true),
  metric('native', 'native_gauge_seconds', true),
  metric('native', 'native_coarser_seconds', true),
  metric('native', 'native_custom_seconds', true),
  metric('native', 'native_gone_seconds', true),
  metric('mixed', 'mixed_seconds', true),
  metric('counter', 'typed_seconds_total', true, TYPED('counter')),
  metric('native', 'typed_seconds', true, TYPED('histogram')),
]

export const LABEL_NAMES: readonly string[] = [
  'job',
  'instance',
  'code',
  'zone',
  'le',
  'kind',
  'version',
  'region',
  'label.ä',
  'missing',
  '__type__',
]

/** Of several metrics at once. */
const NAME_MATCHERS: Readonly<Record<Kind, readonly string[]>> = {
  float: ['=~"te.+|le.+"', '=~"requests_total|up"', '=~"classic_seconds_(sum|count)"'],
  histogram: ['=~"native_.*_seconds"', '=~"native_(float|custom)_seconds"'],
  any: ['=~".+_seconds"', '=~"mixed.*|up|native_seconds"', '=~"[tl]e.+|late|.*float.*"'],
}

/** Data that queries can be asked of. */
export interface Dataset {
  readonly startMs: number
  readonly endMs: number
  readonly metrics: readonly Metric[]
  readonly nameMatchers: Readonly<Record<Kind, readonly string[]>>
}

export const SCRAPED: Dataset = {
  startMs: DATA_START_MS,
  endMs: DATA_END_MS,
  metrics: METRICS,
  nameMatchers: NAME_MATCHERS,
}

/** Series that know when their counting began: of the block of `test/data` with start times. */
const STARTED_NAMES = ['restarting', 'started', 'started_each']

export const STARTED: Dataset = {
  startMs: START_MS,
  endMs: START_MS + 900_000,
  metrics: STARTED_NAMES.flatMap((name): Metric[] => [
    { name, kind: 'counter', perTarget: true, labels: {} },
    { name: `${name}_histogram`, kind: 'native', perTarget: true, labels: {} },
  ]),
  nameMatchers: {
    float: ['=~"started|restarting"', '=~"start.*d"'],
    histogram: ['=~".*start.+_histogram"'],
    any: ['=~".*start.+"', '=~"started(_.*)?"'],
  },
}

export function metricsOf({ metrics }: Dataset, kind: Kind): readonly Metric[] {
  if (kind === 'any') return metrics
  return metrics.filter((one) =>
    kind === 'histogram'
      ? one.kind === 'native' || one.kind === 'mixed'
      : one.kind !== 'native' && one.kind !== 'mixed',
  )
}

/** features: what of Prometheus is there, by its own names. */
import type { Feature } from '#lib/promql/options.ts'
import { FUNCTIONS } from '#lib/promql/parse/functions.ts'
import { AGGREGATORS, OPERATORS } from '#lib/promql/parse/token.ts'
import { dataAnswer, type Answer } from './answer.ts'
import type { Call } from './call.ts'

type Switches = Readonly<Record<string, boolean>>

export function features({ parts }: Call): Answer {
  const { features: on } = parts.engine
  return dataAnswer({
    api: API,
    otlp_receiver: { delta_conversion: false, native_delta_ingestion: false },
    prometheus: { agent_mode: false, auto_reload_config: false, server_mode: true },
    promql: promqlFeatures(on),
    promql_functions: promqlFunctions(on),
    promql_operators: promqlOperators(on),
    tsdb: { exemplar_storage: false, native_histograms: true, xor2_encoding: true },
  })
}

const API: Switches = {
  admin: false,
  exclude_alerts: true,
  label_values_match: true,
  lifecycle: false,
  otlp_write_receiver: false,
  query_stats: true,
  query_warnings: true,
  remote_write_receiver: false,
  search: false,
  time_range_labels: true,
  time_range_series: true,
}

const ALWAYS =
  'at_modifier bool by duration_expr group_left group_right ignoring negative_offset offset on per_query_lookback_delta subqueries without'

function promqlFeatures(on: ReadonlySet<Feature>): Switches {
  const fill = on.has('promql-binop-fill-modifiers')
  const extended = on.has('promql-extended-range-selectors')
  return inOrder({
    ...Object.fromEntries(ALWAYS.split(' ').map((name) => [name, true])),
    anchored: extended,
    delayed_name_removal: on.has('promql-delayed-name-removal'),
    fill,
    fill_left: fill,
    fill_right: fill,
    per_step_stats: false,
    smoothed: extended,
    type_and_unit_labels: false,
  })
}

function promqlFunctions(on: ReadonlySet<Feature>): Switches {
  const experimental = on.has('promql-experimental-functions')
  return inOrder(
    Object.fromEntries(
      [...FUNCTIONS.values()].map((one) => [one.name, !one.experimental || experimental]),
    ),
  )
}

/** Aggregations are operators too. */
function promqlOperators(on: ReadonlySet<Feature>): Switches {
  const experimental = on.has('promql-experimental-functions')
  const names = [...OPERATORS, ...AGGREGATORS]
  return inOrder(
    Object.fromEntries(names.map((name) => [name, experimental || !EXPERIMENTAL.has(name)])),
  )
}

const EXPERIMENTAL: ReadonlySet<string> = new Set(['limitk', 'limit_ratio'])

function inOrder(switches: Switches): Switches {
  return Object.fromEntries(Object.entries(switches).sort(([a], [b]) => (a < b ? -1 : 1)))
}

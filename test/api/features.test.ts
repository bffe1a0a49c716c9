import { describe, expect, it } from 'vitest'
import { DEFAULT_ENGINE_OPTIONS, FEATURES } from '#lib/promql/options.ts'
import { testApp } from './fake-backend.ts'

type Switches = Record<string, boolean>

async function features(
  on: readonly (typeof FEATURES)[number][] = [],
): Promise<Record<string, Switches>> {
  const engine = { ...DEFAULT_ENGINE_OPTIONS, features: new Set(on) }
  const response = await testApp({}, { engine }).app.request('/api/v1/features')
  return ((await response.json()) as { data: Record<string, Switches> }).data
}

const off = (switches: Switches): string[] =>
  Object.entries(switches).flatMap(([name, value]) => (value ? [] : [name]))

describe('features', () => {
  // Counts and names are those of Prometheus 3.14 without flags.
  it('has every function and operator, experimental ones switched off', async () => {
    const { promql, promql_functions: functions, promql_operators: operators } = await features()
    expect(Object.keys(functions!)).toHaveLength(90)
    expect(off(functions!)).toEqual([
      'double_exponential_smoothing',
      'end',
      'histogram_quantiles',
      'info',
      'mad_over_time',
      'max_of',
      'min_of',
      'range',
      'sort_by_label',
      'sort_by_label_desc',
      'start',
      'start_timestamp',
      'step',
      'ts_of_first_over_time',
      'ts_of_last_over_time',
      'ts_of_max_over_time',
      'ts_of_min_over_time',
    ])
    expect(Object.keys(operators!)).toHaveLength(35)
    expect(off(operators!)).toEqual(['limit_ratio', 'limitk'])
    expect(Object.keys(promql!)).toHaveLength(21)
  })

  it('has them on where they are switched on', async () => {
    const {
      promql,
      promql_functions: functions,
      promql_operators: operators,
    } = await features(FEATURES)
    expect([...off(functions!), ...off(operators!)]).toEqual([])
    expect(off(promql!)).toEqual(['per_step_stats', 'type_and_unit_labels'])
  })

  it('tells the page of the database that it cannot delete', async () => {
    expect((await features()).api).toMatchObject({ admin: false })
  })
})

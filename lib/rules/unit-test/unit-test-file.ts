/** Unit tests of rules, in promtool's format. */
import { DomainError } from '#lib/model/errors.ts'
import { quoteGo } from '#lib/model/labels.ts'
import { DURATION } from '../file/rule-shapes.ts'
import { decodeYaml, type Fields, type Shape } from '../yaml/yaml-decode.ts'
import { parseYaml } from '../yaml/yaml-node.ts'

export interface UnitTestFile {
  /** Paths and patterns, beside the file. */
  readonly ruleFiles: readonly string[]
  readonly intervalMs: number
  /** Floats may be neighbours of what is expected. */
  readonly fuzzyCompare: boolean
  readonly groupOrder: readonly string[]
  readonly tests: readonly TestGroup[]
}

export interface TestGroup {
  readonly name: string
  /** Between the samples of the input. */
  readonly intervalMs: number
  readonly startMs: number
  readonly series: readonly { readonly series: string; readonly values: string }[]
  readonly alerts: readonly AlertTest[]
  readonly expressions: readonly ExpressionTest[]
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
}

export interface AlertTest {
  /** After the start. */
  readonly atMs: number
  readonly alert: string
  readonly expected: readonly {
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
  }[]
}

export interface ExpressionTest {
  readonly atMs: number
  readonly expr: string
  /** `histogram`: '' where a float is expected. */
  readonly expected: readonly {
    readonly labels: string
    readonly value: number
    readonly histogram: string
  }[]
}

/** Throws `invalid` in promtool's words. */
export function parseUnitTestFile(text: string): UnitTestFile {
  const { root } = parseYaml(text, 2)
  const file = (
    root === undefined ? {} : (decodeYaml(root, FILE, { strict: true, version: 2 }) ?? {})
  ) as FileValues
  const intervalMs = file.evaluation_interval || 60_000
  const groupOrder = file.group_eval_order ?? []
  const repeated = groupOrder.find((name, i) => groupOrder.indexOf(name) < i)
  if (repeated !== undefined) {
    throw new DomainError('invalid', `group name repeated in evaluation order: ${repeated}`)
  }
  return {
    ruleFiles: file.rule_files ?? [],
    intervalMs,
    fuzzyCompare: file.fuzzy_compare ?? false,
    groupOrder,
    tests: (file.tests ?? []).map((test) => testGroupOf(test, intervalMs)),
  }
}

interface FileValues {
  readonly rule_files?: readonly string[]
  readonly evaluation_interval?: number
  readonly group_eval_order?: readonly string[]
  readonly fuzzy_compare?: boolean
  readonly tests?: readonly TestValues[]
}

interface TestValues {
  readonly interval?: number
  readonly name?: string
  readonly start_timestamp?: number
  readonly external_url?: string
  readonly external_labels?: Readonly<Record<string, string>>
  readonly input_series?: readonly { readonly series?: string; readonly values?: string }[]
  readonly alert_rule_test?: readonly {
    readonly eval_time?: number
    readonly alertname?: string
    readonly exp_alerts?: readonly {
      readonly exp_labels?: Readonly<Record<string, string>>
      readonly exp_annotations?: Readonly<Record<string, string>>
    }[]
  }[]
  readonly promql_expr_test?: readonly {
    readonly expr?: string
    readonly eval_time?: number
    readonly exp_samples?: readonly {
      readonly labels?: string
      readonly value?: number
      readonly histogram?: string
    }[]
  }[]
}

function testGroupOf(test: TestValues, intervalMs: number): TestGroup {
  return {
    name: test.name ?? '',
    intervalMs: test.interval || intervalMs,
    startMs: test.start_timestamp ?? 0,
    series: (test.input_series ?? []).map(({ series = '', values = '' }) => ({ series, values })),
    alerts: (test.alert_rule_test ?? []).map((one) => ({
      atMs: one.eval_time ?? 0,
      alert: one.alertname ?? '',
      expected: (one.exp_alerts ?? []).map(
        ({ exp_labels: labels = {}, exp_annotations: annotations = {} }) => ({
          labels,
          annotations,
        }),
      ),
    })),
    expressions: (test.promql_expr_test ?? []).map((one) => ({
      atMs: one.eval_time ?? 0,
      expr: one.expr ?? '',
      expected: (one.exp_samples ?? []).map(({ labels = '', value = 0, histogram = '' }) => ({
        labels,
        value,
        histogram,
      })),
    })),
    externalLabels: test.external_labels ?? {},
    externalUrl: test.external_url ?? '',
  }
}

const STRING: Shape = { type: 'string' }
const LABELS: Shape = { type: 'map' }

function struct(name: string, fields: Fields): Shape {
  return { type: 'struct', name: `main.${name}`, fields }
}

function listOf(of: Shape): Shape {
  return { type: 'list', of, name: `[]${of.type === 'struct' ? of.name : of.type}` }
}

const FILE = struct('unitTestFile', {
  rule_files: listOf(STRING),
  evaluation_interval: DURATION,
  group_eval_order: listOf(STRING),
  fuzzy_compare: { type: 'bool' },
  tests: listOf(
    struct('testGroup', {
      interval: DURATION,
      name: STRING,
      start_timestamp: { type: 'text', read: readTime },
      external_url: STRING,
      external_labels: LABELS,
      input_series: listOf(struct('series', { series: STRING, values: STRING })),
      alert_rule_test: listOf(
        struct('alertTestCase', {
          eval_time: DURATION,
          alertname: STRING,
          exp_alerts: listOf(struct('alert', { exp_labels: LABELS, exp_annotations: LABELS })),
        }),
      ),
      promql_expr_test: listOf(
        struct('promqlTestCase', {
          expr: STRING,
          eval_time: DURATION,
          exp_samples: listOf(
            struct('sample', { labels: STRING, value: { type: 'float' }, histogram: STRING }),
          ),
        }),
      ),
    }),
  ),
})

/** Unix seconds, or RFC 3339. */
function readTime(text: string): number {
  if (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) return Math.trunc(Number(text) * 1000)
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[-+]\d\d:\d\d)$/.test(text)
  const timeMs = isTime ? Date.parse(text.replace(',', '.')) : NaN
  if (!Number.isNaN(timeMs)) return timeMs
  throw new DomainError('invalid', `cannot parse ${quoteGo(text)} to a valid timestamp`)
}

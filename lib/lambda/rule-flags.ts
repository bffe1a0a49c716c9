/** The flags of Thanos's ruler, from one environment variable: what `thanos rule` takes, the `rule` function and `thaw rule` take. */
import type { EndpointSettings } from '#lib/endpoints/open-endpoints.ts'
import { DomainError } from '#lib/model/errors.ts'
import { type Labels, labelsFromPairs } from '#lib/model/labels.ts'
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions } from '#lib/promql/options.ts'
import type { TickSettings } from '#lib/rules/tick/tick-parts.ts'
import { ENDPOINT_FLAGS, ENDPOINT_LISTS, readEndpointFlags } from './endpoint-flags.ts'
import {
  bad,
  durationOrZero,
  type Flag,
  listOf,
  positiveDuration,
  text,
  wholeNumber,
} from './flag-values.ts'
import { parseFlags, readFlagLine } from './parse-flags.ts'
import { featuresOf } from './query-flags.ts'

/** Thanos's names; its defaults but for `label` and `rule-query-offset`. */
export const RULE_FLAGS = {
  'alert.label-drop': text('', 'labels that no alert is sent with, comma separated'),
  'alert.query-template': text(
    '/graph?g0.expr={{.Expr}}&g0.tab=1',
    'what follows --alert.query-url in the source of an alert',
  ),
  'alert.query-url': text('', 'where people look at queries: the beginning of sources of alerts'),
  'alert.relabel-config': text('', 'YAML of relabelling rules for alerts'),
  'alert.relabel-config-file': text('', 'file with that YAML'),
  'alertmanagers.config': text('', "YAML of Alertmanagers: Thanos's schema, and Prometheus's"),
  'alertmanagers.config-file': text('', 'file with that YAML'),
  'alertmanagers.send-timeout': text('10s', 'of a request to an Alertmanager of a URL'),
  'alertmanagers.url': text(
    '',
    'Alertmanager that gets alerts: http:// or https://, with `dns+` or `dnssrv+` in front its name is looked up; may be repeated',
  ),
  'enable-feature': text('', 'experimental PromQL, comma separated'),
  ...ENDPOINT_FLAGS,
  'eval-interval': text('1m', 'how often groups are evaluated that say nothing of it'),
  'for-grace-period': text('10m', 'rules with a shorter `for` are not restored'),
  'for-outage-tolerance': text('1h', 'how far back the `for` of alerts is looked for'),
  label: text('ruler="thaw"', 'label of all results and alerts, name="value"; may be repeated'),
  'query.lookback-delta': text('5m', 'how far back an instant selector looks'),
  'query.max-samples': text('50000000', 'samples a query may hold at one time'),
  'query.replica-label': text('', 'labels that tell replicas apart, comma separated'),
  'query.timeout': text('30s', 'how long the query of a rule may take'),
  'remote-write.config': text('', "YAML of remote writes, Prometheus's: results go there alone"),
  'remote-write.config-file': text('', 'file with that YAML'),
  'resend-delay': text('1m', 'how long until an alert that fires is sent again'),
  'restore-ignored-label': text('', 'labels that are not looked at when alerts are restored'),
  'rule-concurrent-evaluation': text('8', 'rules of one group that are evaluated at one time'),
  'rule-query-offset': text('1m', 'how far behind the clock groups are that say nothing of it'),
  'rule.catch-up': text(
    '10m',
    'evaluations that were missed are made up for, unless they are older',
  ),
  'rule.concurrent-groups': text('8', 'groups that are evaluated at one time'),
  'rule.watchdog': text('', 'name of an alert that always fires, so that its end is noticed'),
} as const satisfies Record<string, Flag>

export type RuleFlag = keyof typeof RULE_FLAGS

/** One of both, or neither. */
export interface YamlFlag {
  readonly name: RuleFlag
  readonly yaml: string
  readonly file: string
}

export interface RuleSettings {
  readonly tick: TickSettings
  readonly engine: EngineOptions
  readonly replicaLabels: readonly string[]
  readonly queryTimeoutMs: number
  readonly endpoints: EndpointSettings | undefined
  readonly alertmanagerUrls: readonly string[]
  readonly sendTimeoutMs: number
  readonly labelDrop: readonly string[]
  readonly alertmanagers: YamlFlag
  readonly alertRelabel: YamlFlag
  readonly remoteWrite: YamlFlag
  /** Every flag with its value. */
  readonly flags: Readonly<Record<string, string>>
}

const LISTS: ReadonlySet<string> = new Set([
  'alert.label-drop',
  'alertmanagers.url',
  'enable-feature',
  'label',
  'query.replica-label',
  'restore-ignored-label',
  ...ENDPOINT_LISTS,
])
const VARIABLE = 'THAW_RULE_FLAGS'

/** Throws a DomainError 'invalid' that names the variable and the flag. */
export function readRuleFlags(line: string): RuleSettings {
  return readFlagLine(VARIABLE, line, ruleSettings)
}

/** As words of a command line. */
export function ruleSettings(words: readonly string[]): RuleSettings {
  const values = parseFlags(words, RULE_FLAGS, LISTS)
  const positive = (name: RuleFlag): number => positiveDuration(name, values[name])
  const span = (name: RuleFlag): number => durationOrZero(name, values[name])
  const number = (name: RuleFlag): number => wholeNumber(name, values[name])
  const list = (name: RuleFlag): string[] => listOf(values[name])
  const externalLabels = labelsOf(values.label)
  const alertmanagers = yamlFlag(values, 'alertmanagers.config')
  const alertmanagerUrls = list('alertmanagers.url')
  if (alertmanagerUrls.length > 0 && (alertmanagers.yaml !== '' || alertmanagers.file !== '')) {
    throw new DomainError('invalid', 'give --alertmanagers.url or --alertmanagers.config, not both')
  }
  return {
    tick: {
      evalIntervalMs: positive('eval-interval'),
      queryOffsetMs: span('rule-query-offset'),
      catchUpMs: span('rule.catch-up'),
      groupConcurrency: number('rule.concurrent-groups'),
      ruleConcurrency: number('rule-concurrent-evaluation'),
      resendDelayMs: span('resend-delay'),
      forGracePeriodMs: span('for-grace-period'),
      forOutageToleranceMs: span('for-outage-tolerance'),
      // Series of the ruler come with its own labels, which alerts don't have.
      restoreIgnoredLabels: [
        ...list('restore-ignored-label'),
        ...externalLabels.filter((_, i) => i % 2 === 0),
      ],
      externalLabels,
      externalUrl: values['alert.query-url'].replace(/\/+$/, ''),
      alertQueryTemplate: values['alert.query-template'],
      watchdog: values['rule.watchdog'],
    },
    engine: {
      ...DEFAULT_ENGINE_OPTIONS,
      lookbackMs: positive('query.lookback-delta'),
      maxSamples: number('query.max-samples'),
      features: featuresOf(values['enable-feature']),
    },
    replicaLabels: list('query.replica-label'),
    queryTimeoutMs: positive('query.timeout'),
    endpoints: readEndpointFlags(values),
    alertmanagerUrls,
    sendTimeoutMs: positive('alertmanagers.send-timeout'),
    labelDrop: list('alert.label-drop'),
    alertmanagers,
    alertRelabel: yamlFlag(values, 'alert.relabel-config'),
    remoteWrite: yamlFlag(values, 'remote-write.config'),
    flags: values,
  }
}

const LABEL = /^\s*([a-zA-Z_]\w*)=(?:"((?:[^"\\]|\\.)*)"|([^",]*))\s*(?:,|$)/

/** `a="b"`, several after commas; quotes may be missing, as shells take them away. */
function labelsOf(value: string): Labels {
  const pairs: [string, string][] = []
  let rest = value
  while (rest.trim() !== '') {
    const found = LABEL.exec(rest)
    if (!found) throw bad('label', value, 'name="value"')
    const [all, name, quoted, plain] = found
    pairs.push([name!, quoted?.replaceAll(/\\(.)/g, '$1') ?? plain!.trim()])
    rest = rest.slice(all.length)
  }
  if (pairs.length === 0) throw bad('label', value, 'at least one: results are put under it')
  return labelsFromPairs(pairs)
}

function yamlFlag(
  values: Readonly<Record<string, string>>,
  name: 'alert.relabel-config' | 'alertmanagers.config' | 'remote-write.config',
): YamlFlag {
  const yaml = values[name]!
  const file = values[`${name}-file`]!
  if (yaml !== '' && file !== '') {
    throw new DomainError('invalid', `give --${name} or --${name}-file, not both`)
  }
  return { name, yaml, file }
}

/** What an operator may choose about the stack. Everything else is decided in the constructs. */
import { fileURLToPath } from 'node:url'

import { RetentionDays } from 'aws-cdk-lib/aws-logs'

import { readRuleSecrets, type RuleSecrets } from './rule-secrets.ts'

export interface StackConfig {
  /** Name of the stack, and prefix of its functions and log groups. */
  readonly stackName: string
  /** An existing bucket of blocks, such as Thanos's. Empty: the stack makes one, and keeps it when the stack is deleted. */
  readonly bucketName: string
  /** Flags of Thanos's querier for the query function, as on a command line; docs/flags.md lists them. */
  readonly queryFlags: string
  /** Flags of Thanos's compactor for the plan and compact functions: retention, deduplication; docs/flags.md lists them. */
  readonly compactFlags: string
  /** Flags of Thanos's ruler for the rule function: Alertmanagers, labels, intervals; docs/flags.md lists them. */
  readonly ruleFlags: string
  /** What `$(NAME)` is in the YAML of the rule function: names of secrets of Secrets Manager, which it reads when it needs them. */
  readonly ruleSecrets: RuleSecrets
  /** Who is let in: `tokens` of `thaw token`, or callers that sign with `iam`. */
  readonly authorizer: 'tokens' | 'iam'
  /** Whether there is a second URL, for answers that are too large or too slow for the gateway. */
  readonly streamingDoor: boolean
  /** Origins of web pages that may call the HTTP API. Empty: none. */
  readonly corsOrigins: readonly string[]
  /** Steady rate of the HTTP API; bursts may be twice that. */
  readonly requestsPerSecond: number
  /** 1,769 MB is one whole vCPU, and a query runs on one thread. */
  readonly queryMemoryMb: number
  readonly storeMemoryMb: number
  readonly compactMemoryMb: number
  readonly ruleMemoryMb: number
  /** Jobs that are done at one time, 2 to 1000. */
  readonly compactConcurrency: number
  readonly logRetentionDays: RetentionDays
  /** Who gets alarms. Empty: nobody; alarms are seen in CloudWatch alone. */
  readonly alarmEmail: string
  /** US dollars. 0: no budget. */
  readonly monthlyBudgetUsd: number
  /** A page of CloudWatch. An account has three for nothing; a fourth is $3 a month. */
  readonly dashboard: boolean
  /** Where `query.ts`, `store.ts` and the other functions are. */
  readonly functionsDir: string
}

export const DEFAULT_STACK_CONFIG: StackConfig = {
  stackName: 'thaw',
  bucketName: '',
  queryFlags: '',
  compactFlags: '',
  ruleFlags: '',
  ruleSecrets: {},
  authorizer: 'tokens',
  streamingDoor: false,
  corsOrigins: ['*'],
  requestsPerSecond: 100,
  queryMemoryMb: 1769,
  storeMemoryMb: 1769,
  compactMemoryMb: 1769,
  ruleMemoryMb: 1769,
  compactConcurrency: 10,
  logRetentionDays: RetentionDays.TWO_WEEKS,
  alarmEmail: '',
  monthlyBudgetUsd: 0,
  dashboard: true,
  functionsDir: fileURLToPath(new URL('../functions/', import.meta.url)),
}

/** Reads the context; values given on a command line are strings. */
export function stackConfig(context: (name: string) => unknown): StackConfig {
  const defaults = DEFAULT_STACK_CONFIG
  return {
    stackName: text('stackName', context) ?? defaults.stackName,
    bucketName: text('bucket', context) ?? defaults.bucketName,
    queryFlags: text('queryFlags', context) ?? defaults.queryFlags,
    compactFlags: text('compactFlags', context) ?? defaults.compactFlags,
    ruleFlags: text('ruleFlags', context) ?? defaults.ruleFlags,
    ruleSecrets: secrets('ruleSecrets', context) ?? defaults.ruleSecrets,
    authorizer: authorizer('authorizer', context) ?? defaults.authorizer,
    streamingDoor: flag('streamingDoor', context) ?? defaults.streamingDoor,
    corsOrigins: list('corsOrigins', context) ?? defaults.corsOrigins,
    requestsPerSecond: count('requestsPerSecond', context) ?? defaults.requestsPerSecond,
    queryMemoryMb: count('queryMemoryMb', context) ?? defaults.queryMemoryMb,
    storeMemoryMb: count('storeMemoryMb', context) ?? defaults.storeMemoryMb,
    compactMemoryMb: count('compactMemoryMb', context) ?? defaults.compactMemoryMb,
    ruleMemoryMb: count('ruleMemoryMb', context) ?? defaults.ruleMemoryMb,
    compactConcurrency: count('compactConcurrency', context) ?? defaults.compactConcurrency,
    logRetentionDays: retention('logRetentionDays', context) ?? defaults.logRetentionDays,
    alarmEmail: email('alarmEmail', context) ?? defaults.alarmEmail,
    monthlyBudgetUsd: dollars('monthlyBudgetUsd', context) ?? defaults.monthlyBudgetUsd,
    dashboard: flag('dashboard', context) ?? defaults.dashboard,
    functionsDir: defaults.functionsDir,
  }
}

type Context = (name: string) => unknown

function text(name: string, context: Context): string | undefined {
  const value = context(name)
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string')
    throw new Error(`context ${name} is not a string: ${JSON.stringify(value)}`)
  return value.trim()
}

function authorizer(name: string, context: Context): StackConfig['authorizer'] | undefined {
  const value = text(name, context)
  if (value === undefined || value === 'tokens' || value === 'iam') return value
  throw new Error(`context ${name} is ${JSON.stringify(value)}, not "tokens" or "iam"`)
}

function flag(name: string, context: Context): boolean | undefined {
  const value = context(name)
  if (value === undefined || value === null) return undefined
  if (value === true || value === 'true') return true
  if (value === false || value === 'false') return false
  throw new Error(`context ${name} is ${JSON.stringify(value)}, not true or false`)
}

function list(name: string, context: Context): readonly string[] | undefined {
  return text(name, context)
    ?.split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

function secrets(name: string, context: Context): RuleSecrets | undefined {
  const line = text(name, context)
  return line === undefined ? undefined : readRuleSecrets(name, line)
}

function email(name: string, context: Context): string | undefined {
  const value = text(name, context)
  if (value === undefined || value === '' || /^[^@\s]+@[^@\s]+$/.test(value)) return value
  throw new Error(`context ${name} is not an email address: ${JSON.stringify(value)}`)
}

function dollars(name: string, context: Context): number | undefined {
  const value = context(name)
  if (value === undefined || value === null) return undefined
  const number = value === '' ? 0 : Number(value)
  if (Number.isFinite(number) && number >= 0) return number
  throw new Error(`context ${name} is not an amount of dollars: ${JSON.stringify(value)}`)
}

function count(name: string, context: Context): number | undefined {
  const value = context(name)
  if (value === undefined || value === null) return undefined
  const number = Number(value)
  if (!Number.isInteger(number) || number <= 0) {
    throw new Error(`context ${name} is not a positive integer: ${JSON.stringify(value)}`)
  }
  return number
}

/** CloudWatch keeps logs for certain numbers of days only. */
function retention(name: string, context: Context): RetentionDays | undefined {
  const days = count(name, context)
  if (days === undefined) return undefined
  const known = Object.values(RetentionDays).filter((value) => typeof value === 'number')
  const found = known.find((value) => `${value}` === `${days}`)
  if (!found) throw new Error(`context ${name} is ${days}, not one of ${known.join(', ')}`)
  return found
}

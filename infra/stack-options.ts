/** What an operator may choose about the stack, by the names that cdk.json has. Everything else is decided in the constructs. */
import { RetentionDays } from 'aws-cdk-lib/aws-logs'

import {
  amount,
  choice,
  list,
  type Option,
  pairs,
  text,
  toggle,
  whole,
  wholeOrNone,
} from './option-values.ts'
import { readRuleSecrets, type RuleSecrets } from './rule-secrets.ts'

/** Of Lambda. */
const MEMORY = { min: 128, max: 10_240 }
const LOG_DAYS = Object.values(RetentionDays).filter(
  (days): days is RetentionDays => typeof days === 'number' && days !== RetentionDays.INFINITE,
)

export const STACK_OPTIONS = {
  stackName: text('thaw', 'name of the stack, and prefix of its functions and log groups', {
    // `<name>-authorize` has 64 characters at most.
    pattern: /^[A-Za-z](?:-?[A-Za-z0-9]){0,39}$/,
    want: 'give at most 40 letters, digits and single dashes, a letter first',
  }),
  bucket: text(
    '',
    "an existing bucket of blocks, such as Thanos's; nothing in its settings is changed. Empty: the stack makes one, which stays when the stack is deleted",
    {
      pattern: /^[a-z0-9](?:[a-z0-9]|[.-](?=[a-z0-9])){1,61}[a-z0-9]$/,
      want: 'give the name alone, 3 to 63 small letters, digits, dots and hyphens, without s3:// and without arn:',
    },
  ),
  writeOnceBlocks: toggle(
    true,
    "a bucket that the stack makes refuses a second `meta.json` of a block; false where Thanos's own programs write into it, as they write without the condition that this asks for",
  ),
  compaction: toggle(
    true,
    'blocks are merged, downsampled and deleted; false: another compactor does that ([migrate.md](migrate.md))',
  ),
  retentionRawDays: amountOfDays('raw samples', '`--retention.resolution-raw`'),
  retention5mDays: amountOfDays('samples of 5 minutes', '`--retention.resolution-5m`'),
  retention1hDays: amountOfDays('samples of 1 hour', '`--retention.resolution-1h`'),
  enforceTenancy: toggle(
    false,
    'a tenant sees only series that carry its tenant label (`--query.enforce-tenancy`)',
  ),
  tenantLabel: text(
    '',
    'label that names the tenant of a series (`--query.tenant-label-name`); empty: `tenant_id`',
    { pattern: /^[a-zA-Z_]\w*$/, want: 'give the name of a label' },
  ),
  alertmanagers: list('', 'URLs that get alerts, with commas (`--alertmanagers.url`)', {
    pattern: /^(?:dns\+|dnssrv\+|dnssrvnoa\+|dnsdualstack\+)?https?:\/\/[^\s/@]+(?:\/\S*)?$/,
    want: 'give URLs such as https://alertmanager.example:9093; with credentials use --alertmanagers.config in ruleFlags, and ruleSecrets',
  }),
  queryFlags: text('', "flags of Thanos's querier ([flags.md](flags.md))"),
  compactFlags: text('', "flags of Thanos's compactor ([flags.md](flags.md#flags-of-compaction))"),
  ruleFlags: text('', "flags of Thanos's ruler ([flags.md](flags.md#flags-of-rules))"),
  ruleSecrets: {
    default: '',
    help: 'secrets of Secrets Manager for `$(NAME)` in the YAML of `ruleFlags`: `NAME=secret` or `NAME=secret:key`, with commas',
    read: (value): RuleSecrets => readRuleSecrets(text('', '').read(value)),
  },
  authorizer: choice(
    'tokens',
    'who is let in: `tokens` of `thaw token`, or callers that sign with `iam`',
    ['tokens', 'iam'],
  ),
  streamingDoor: toggle(
    false,
    'a second URL, for answers that are too large or too slow for the gateway ([limits.md](limits.md))',
  ),
  corsOrigins: list(
    '*',
    'origins of web pages that may call the HTTP API, with commas; empty: none',
    {
      pattern: /^(?:\*|https?:\/\/[^\s/]+)$/,
      want: 'give * or origins such as https://grafana.example, without a path',
    },
  ),
  domainName: text('', 'name of your own that the HTTP API has, with `certificateArn`', {
    pattern: /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/,
    want: 'give a name such as metrics.example.com, without https://',
  }),
  certificateArn: text('', 'its certificate of ACM, of the same region as the stack', {
    pattern: /^arn:[\w-]+:acm:[\w-]+:\d{12}:certificate\/\S+$/,
    want: 'give an ARN such as arn:aws:acm:eu-west-1:123456789012:certificate/…',
  }),
  requestsPerSecond: whole(100, 'steady rate of the HTTP API; bursts may be twice that', {
    min: 1,
    max: 10_000,
  }),
  queryMemoryMb: whole(1769, 'of the query function; 1,769 MB is one whole vCPU', MEMORY),
  storeMemoryMb: whole(1769, 'of the store function', MEMORY),
  compactMemoryMb: whole(1769, 'of the compact function', MEMORY),
  ruleMemoryMb: whole(1769, 'of the rule function', MEMORY),
  queryConcurrency: wholeOrNone(
    'instances of the query function that are reserved for it, and its most; 0: as the account has',
    { min: 1, max: 10_000 },
  ),
  storeConcurrency: wholeOrNone('the same of the store function', { min: 1, max: 10_000 }),
  compactConcurrency: whole(10, 'jobs of compaction that are done at one time', {
    min: 2,
    max: 1000,
  }),
  logRetentionDays: choice(RetentionDays.TWO_WEEKS, 'days that logs are kept', LOG_DAYS),
  alarmEmail: text('', 'who gets alarms; empty: they are seen in CloudWatch alone', {
    pattern: /^[^@\s]+@[^@\s]+$/,
    want: 'give an email address',
  }),
  alarms: choice(
    'all',
    '`all` of [operations.md](operations.md#alarms), or the `urgent` ones alone, without which answers or alerts are missing and nobody knows: half as many',
    ['all', 'urgent'],
  ),
  monthlyBudgetUsd: amount(
    'US dollars that functions may cost in a month: a rate that takes more is an alarm; 0: none is',
    'give an amount of US dollars such as 50, without a sign',
  ),
  dashboard: toggle(
    true,
    'a page of CloudWatch; an account has three for nothing, and a fourth is $3 a month',
  ),
  tags: pairs('', 'tags of everything in the stack: `name=value`, with commas'),
} satisfies Record<string, Option<unknown>>

export type StackOptions = {
  readonly [Name in keyof typeof STACK_OPTIONS]: ReturnType<(typeof STACK_OPTIONS)[Name]['read']>
}

function amountOfDays(what: string, flag: string): Option<number> {
  return wholeOrNone(`days that ${what} are kept (${flag}); 0: for ever`, { min: 1 })
}

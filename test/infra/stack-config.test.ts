import { readdirSync, readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import type { Option } from '#infra/option-values.ts'
import { DEFAULT_STACK_CONFIG, stackConfig } from '#infra/stack-config.ts'
import { STACK_OPTIONS } from '#infra/stack-options.ts'

const CERTIFICATE = 'arn:aws:acm:eu-west-1:123456789012:certificate/1-2-3'

function problems(context: Record<string, unknown>): string[] {
  try {
    stackConfig(context)
    return []
  } catch (error) {
    return (error as Error).message.split('\n')
  }
}

describe('the stack configuration', () => {
  it('takes strings of a command line', () => {
    expect(
      stackConfig({
        stackName: 'metrics',
        bucket: ' metrics-of-old ',
        writeOnceBlocks: 'false',
        retentionRawDays: '90',
        retention5mDays: 365,
        enforceTenancy: 'true',
        tenantLabel: 'team',
        alertmanagers: 'http://am-0:9093, dns+https://am.example/alerts',
        queryFlags: '--query.replica-label=replica',
        compactFlags: '--delete-delay=24h',
        ruleFlags: '--rule.watchdog=Watchdog',
        ruleSecrets: 'PASSWORD=am/password, USER_NAME=am:user',
        authorizer: 'iam',
        streamingDoor: 'true',
        corsOrigins: '',
        domainName: 'metrics.example.com',
        certificateArn: CERTIFICATE,
        requestsPerSecond: '10',
        queryMemoryMb: '512',
        storeMemoryMb: 3008,
        compactMemoryMb: '1024',
        ruleMemoryMb: '512',
        queryConcurrency: '5',
        storeConcurrency: 40,
        compactConcurrency: '2',
        logRetentionDays: '7',
        alarmEmail: 'ops@example.com',
        alarms: 'urgent',
        monthlyBudgetUsd: '12.5',
        dashboard: 'false',
        tags: 'team=metrics, cost-center=a=b',
        compaction: 'false',
      }),
    ).toEqual({
      stackName: 'metrics',
      bucket: 'metrics-of-old',
      compaction: false,
      writeOnceBlocks: false,
      retentionRawDays: 90,
      retention5mDays: 365,
      retention1hDays: 0,
      enforceTenancy: true,
      tenantLabel: 'team',
      alertmanagers: ['http://am-0:9093', 'dns+https://am.example/alerts'],
      queryFlags:
        '--query.enforce-tenancy --query.tenant-label-name=team --query.replica-label=replica',
      compactFlags:
        '--retention.resolution-raw=90d --retention.resolution-5m=365d --delete-delay=24h',
      ruleFlags:
        '--alertmanagers.url=http://am-0:9093 --alertmanagers.url=dns+https://am.example/alerts --rule.watchdog=Watchdog',
      ruleSecrets: {
        PASSWORD: { secret: 'am/password', key: undefined },
        USER_NAME: { secret: 'am', key: 'user' },
      },
      authorizer: 'iam',
      streamingDoor: true,
      corsOrigins: [],
      domainName: 'metrics.example.com',
      certificateArn: CERTIFICATE,
      requestsPerSecond: 10,
      queryMemoryMb: 512,
      storeMemoryMb: 3008,
      compactMemoryMb: 1024,
      ruleMemoryMb: 512,
      queryConcurrency: 5,
      storeConcurrency: 40,
      compactConcurrency: 2,
      logRetentionDays: 7,
      alarmEmail: 'ops@example.com',
      alarms: 'urgent',
      monthlyBudgetUsd: 12.5,
      dashboard: false,
      tags: { team: 'metrics', 'cost-center': 'a=b' },
      functionsDir: DEFAULT_STACK_CONFIG.functionsDir,
    })
  })

  it('needs nothing', () => {
    expect(stackConfig({})).toEqual(DEFAULT_STACK_CONFIG)
    expect(DEFAULT_STACK_CONFIG).toMatchObject({ queryFlags: '', compactFlags: '', ruleFlags: '' })
  })

  it('has in cdk.json every option, at its default and in the same order', () => {
    const { context } = JSON.parse(
      readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'),
    ) as { context: Record<string, unknown> }
    expect(Object.entries(context)).toEqual(
      Object.entries<Option<unknown>>(STACK_OPTIONS).map(([name, { default: value }]) => [
        name,
        value,
      ]),
    )
    expect(stackConfig(context)).toEqual(DEFAULT_STACK_CONFIG)
  })

  it('stands in docs/stack-options.md, each option with its default and what it does', () => {
    const page = readFileSync(new URL('../../docs/stack-options.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| `(\w+)` +\| (.*?) +\| (.*?) +\|$/gm)].map(
      ([, name, value, help]) => [name, value!.replaceAll('`', ''), help],
    )
    expect(rows).toEqual(
      Object.entries<Option<unknown>>(STACK_OPTIONS).map(([name, { default: value, help }]) => [
        name,
        String(value),
        help,
      ]),
    )
  })
})

it('is all that docs give after --context', () => {
  const directory = new URL('../../docs/', import.meta.url)
  const names = readdirSync(directory)
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => [
      ...readFileSync(new URL(file, directory), 'utf8').matchAll(/--context '?(\w+)=/g),
    ])
    .map(([, name]) => name!)
    // How to write it.
    .filter((name) => name !== 'name')
  expect(names.length).toBeGreaterThan(10)
  expect(names.filter((name) => !Object.hasOwn(STACK_OPTIONS, name))).toEqual([])
})

describe('what can not be', () => {
  it.each([
    [
      { stackName: 'a_b' },
      'option stackName is "a_b": give at most 40 letters, digits and single dashes, a letter first',
    ],
    [
      { bucket: 's3://metrics' },
      'option bucket is "s3://metrics": give the name alone, 3 to 63 small letters, digits, dots and hyphens, without s3:// and without arn:',
    ],
    [
      { bucket: 'arn:aws:s3:::metrics' },
      'option bucket is "arn:aws:s3:::metrics": give the name alone, 3 to 63 small letters, digits, dots and hyphens, without s3:// and without arn:',
    ],
    [{ bucket: 5 }, 'option bucket is 5: give a text'],
    [
      { queryMemoryMb: 'lots' },
      'option queryMemoryMb is "lots": give a whole number from 128 to 10240',
    ],
    [
      { queryMemoryMb: '1 GB' },
      'option queryMemoryMb is "1 GB": give a whole number from 128 to 10240',
    ],
    [{ storeMemoryMb: 64 }, 'option storeMemoryMb is 64: give a whole number from 128 to 10240'],
    [
      { storeConcurrency: -1 },
      'option storeConcurrency is -1: give a whole number from 1 to 10000, or 0',
    ],
    [
      { compactConcurrency: 1 },
      'option compactConcurrency is 1: give a whole number from 2 to 1000',
    ],
    [
      { retentionRawDays: '90d' },
      'option retentionRawDays is "90d": give a whole number of 1 or more, or 0',
    ],
    [{ authorizer: 'none' }, 'option authorizer is "none": give one of tokens, iam'],
    [{ enforceTenancy: 'yes' }, 'option enforceTenancy is "yes": give true or false'],
    [{ tenantLabel: 'team-name' }, 'option tenantLabel is "team-name": give the name of a label'],
    [
      { alertmanagers: 'am:9093' },
      'option alertmanagers has "am:9093": give URLs such as https://alertmanager.example:9093; with credentials use --alertmanagers.config in ruleFlags, and ruleSecrets',
    ],
    [
      { alertmanagers: 'http://me:secret@am:9093' },
      'option alertmanagers has "http://me:secret@am:9093": give URLs such as https://alertmanager.example:9093; with credentials use --alertmanagers.config in ruleFlags, and ruleSecrets',
    ],
    [
      { corsOrigins: 'https://grafana.example/' },
      'option corsOrigins has "https://grafana.example/": give * or origins such as https://grafana.example, without a path',
    ],
    [
      { domainName: 'https://a.example.com' },
      'option domainName is "https://a.example.com": give a name such as metrics.example.com, without https://',
    ],
    [{ alarmEmail: 'ops' }, 'option alarmEmail is "ops": give an email address'],
    [
      { monthlyBudgetUsd: '$5' },
      'option monthlyBudgetUsd is "$5": give an amount of US dollars such as 50, without a sign',
    ],
    [{ tags: 'team' }, 'option tags has "team": want name=value'],
    [{ ruleSecrets: 'am' }, 'option ruleSecrets has "am": want NAME=secret or NAME=secret:key'],
  ])('%o is refused in words', (context, text) => {
    expect(problems(context)).toEqual([text])
  })

  it('is a retention of logs that CloudWatch does not have', () => {
    expect(problems({ logRetentionDays: 8 })[0]).toMatch(
      /^option logRetentionDays is 8: give one of 1, 3, 5, 7, 14, /,
    )
  })

  it.each([
    ['retentionRawDay', 'there is no option retentionRawDay: did you mean retentionRawDays?'],
    ['alertManager', 'there is no option alertManager: did you mean alertmanagers?'],
    ['bucketname', 'there is no option bucketname: docs/stack-options.md has all'],
    ['querymemoryMB', 'there is no option querymemoryMB: did you mean queryMemoryMb?'],
  ])('is an option %s', (name, text) => {
    expect(problems({ [name]: '' })).toEqual([text])
  })

  it("is not a name of the CDK's", () => {
    expect(
      problems({
        'aws:cdk:enable-path-metadata': true,
        '@aws-cdk/core:stackRelativeExports': true,
        'availability-zones:account=1:region=eu-west-1': [],
      }),
    ).toEqual([])
  })

  it('is said of all options at once', () => {
    expect(problems({ bucket: 'A', queryMemoryMb: 1, typo: 1 })).toHaveLength(3)
  })
})

describe('what contradicts itself', () => {
  it.each([
    [
      { retentionRawDays: 90, compactFlags: '--retention.resolution-raw=30d' },
      'option retentionRawDays and --retention.resolution-raw in compactFlags say the same: keep one',
    ],
    [
      { alertmanagers: 'http://am:9093', ruleFlags: "--alertmanagers.config='alertmanagers: []'" },
      'option alertmanagers and --alertmanagers.config in ruleFlags say the same: keep one',
    ],
    [
      { enforceTenancy: true, queryFlags: '--no-query.enforce-tenancy' },
      'option enforceTenancy and --no-query.enforce-tenancy in queryFlags say the same: keep one',
    ],
    [
      { tenantLabel: 'team', queryFlags: '--query.tenant-label-name=other' },
      'option tenantLabel and --query.tenant-label-name in queryFlags say the same: keep one',
    ],
    [
      { domainName: 'metrics.example.com' },
      'options domainName and certificateArn go together: a name needs its certificate, which ACM makes in the region of the stack',
    ],
  ])('%o is refused in words', (context, text) => {
    expect(problems(context)).toEqual([text])
  })
})

describe('flags that the functions would refuse', () => {
  it.each([
    [
      { queryFlags: '--query.replica-lable=a' },
      /^option queryFlags: Unknown option '--query.replica-lable'/,
    ],
    [{ compactFlags: '--delete-delay=soon' }, /^option compactFlags: --delete-delay: /],
    [
      { retentionRawDays: 1 },
      /^option compactFlags: --retention.resolution-raw of 24h: blocks would be deleted before they are downsampled/,
    ],
    [
      { ruleFlags: '--alertmanagers.config-file=am.yml' },
      /^option ruleFlags: --alertmanagers.config-file names a file, and a deployed function has none$/,
    ],
    [
      { queryFlags: '--grpc-client-tls-ca=ca.pem --grpc-client-tls-secure' },
      /^option queryFlags: --grpc-client-tls-ca names a file, and a deployed function has none$/,
    ],
    [
      { ruleFlags: "--alertmanagers.config='alertmanagers: [{static_config: [a:1]}]'" },
      /^option ruleFlags: alertmanagers configuration, line 1: .*static_config/,
    ],
    [
      { ruleFlags: "--remote-write.config='remote_write: [{url: $(URL)}]'" },
      /^option ruleFlags: .*names the environment variable URL, which is not set$/,
    ],
    [
      { ruleFlags: "--alert.relabel-config='- {action: nonsense}'" },
      /^option ruleFlags: --alert.relabel-config/,
    ],
  ])('%o is refused in words', (context, text) => {
    expect(problems(context)).toEqual([expect.stringMatching(text)])
  })

  it.each([
    ['host', "--alertmanagers.config='alertmanagers: [{static_configs: [$(S)]}]'"],
    ['URL', "--remote-write.config='remote_write: [{url: $(S)}]'"],
    [
      'password',
      "--remote-write.config='remote_write: [{url: https://a.example, basic_auth: {username: a, password: $(S)}}]'",
    ],
  ])('are not those where a secret is a %s', (_, ruleFlags) => {
    expect(problems({ ruleFlags, ruleSecrets: 'S=secret' })).toEqual([])
  })

  it.each([
    [
      'password',
      "--remote-write.config='remote_write: [{url: https://a.example, basic_auth: {username: a, password: hunter2}}]'",
    ],
    [
      'credentials',
      '--alertmanagers.config=\'alertmanagers: [{static_configs: [a:1], http_config: {authorization: {credentials: "hunter2"}}}]\'',
    ],
    ['password', '--alertmanagers.url=https://me:hunter2@am.example'],
  ])('are those with a %s in the clear, which is not repeated', (what, ruleFlags) => {
    expect(problems({ ruleFlags })).toEqual([
      `option ruleFlags has a ${what} that all who may look at the stack can read: put it into Secrets Manager, name it in ruleSecrets, and write $(NAME) in its place`,
    ])
  })
})

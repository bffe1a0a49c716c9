import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { DEFAULT_STACK_CONFIG, stackConfig } from '#infra/stack-config.ts'

describe('the stack configuration', () => {
  it('takes strings of a command line', () => {
    const context: Record<string, unknown> = {
      stackName: 'metrics',
      bucket: ' metrics-of-old ',
      queryFlags: '--query.replica-label=replica',
      compactFlags: '--retention.resolution-raw=90d',
      ruleFlags: '--alertmanagers.url=http://am:9093',
      ruleSecrets: 'PASSWORD=am/password, USER_NAME=am:user',
      authorizer: 'iam',
      streamingDoor: 'true',
      corsOrigins: '',
      requestsPerSecond: '10',
      queryMemoryMb: '512',
      storeMemoryMb: 3008,
      compactMemoryMb: '1024',
      ruleMemoryMb: '512',
      compactConcurrency: '2',
      logRetentionDays: '7',
      alarmEmail: 'ops@example.com',
      monthlyBudgetUsd: '12.5',
      dashboard: 'false',
    }
    expect(stackConfig((name) => context[name])).toEqual({
      stackName: 'metrics',
      bucketName: 'metrics-of-old',
      queryFlags: '--query.replica-label=replica',
      compactFlags: '--retention.resolution-raw=90d',
      ruleFlags: '--alertmanagers.url=http://am:9093',
      ruleSecrets: {
        PASSWORD: { secret: 'am/password', key: undefined },
        USER_NAME: { secret: 'am', key: 'user' },
      },
      authorizer: 'iam',
      streamingDoor: true,
      corsOrigins: [],
      requestsPerSecond: 10,
      queryMemoryMb: 512,
      storeMemoryMb: 3008,
      compactMemoryMb: 1024,
      ruleMemoryMb: 512,
      compactConcurrency: 2,
      logRetentionDays: 7,
      alarmEmail: 'ops@example.com',
      monthlyBudgetUsd: 12.5,
      dashboard: false,
      functionsDir: DEFAULT_STACK_CONFIG.functionsDir,
    })
  })

  it('has in cdk.json every option, at its default', () => {
    const { context } = JSON.parse(
      readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'),
    ) as { context: Record<string, unknown> }
    const asked = new Set<string>()
    const read = stackConfig((name) => {
      asked.add(name)
      return context[name]
    })
    expect(read).toEqual(DEFAULT_STACK_CONFIG)
    expect(Object.keys(context)).toEqual([...asked])
  })

  it('refuses a memory that is not a number', () => {
    expect(() => stackConfig((name) => (name === 'queryMemoryMb' ? 'lots' : undefined))).toThrow(
      'context queryMemoryMb is not a positive integer: "lots"',
    )
  })

  it.each([
    ['alarmEmail', 'ops', 'context alarmEmail is not an email address: "ops"'],
    ['monthlyBudgetUsd', -1, 'context monthlyBudgetUsd is not an amount of dollars: -1'],
    ['monthlyBudgetUsd', '$5', 'context monthlyBudgetUsd is not an amount of dollars: "$5"'],
  ])('refuses %s %s', (option, value, message) => {
    expect(() => stackConfig((name) => (name === option ? value : undefined))).toThrow(message)
  })

  it('refuses a door that is neither', () => {
    expect(() => stackConfig((name) => (name === 'authorizer' ? 'none' : undefined))).toThrow(
      'context authorizer is "none", not "tokens" or "iam"',
    )
  })

  it('refuses a retention that CloudWatch does not have', () => {
    expect(() => stackConfig((name) => (name === 'logRetentionDays' ? 8 : undefined))).toThrow(
      /^context logRetentionDays is 8, not one of 1, 3, 5, 7, 14, /,
    )
  })
})

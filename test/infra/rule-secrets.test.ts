import { describe, expect, it } from 'vitest'

import { readRuleSecrets } from '#infra/rule-secrets.ts'
import { parseSecretReferences } from '#lib/aws/secret-environment.ts'

import { allowances, plain, resourceOf, synthesize } from './synthesized.ts'

const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/am-AbCdEf'
const LINE = `USER=am:user,PASSWORD=am:password,TOKEN=${ARN},BOTH=${ARN}:k`

describe('the secrets of rules', () => {
  const template = synthesize({ ruleSecrets: readRuleSecrets(LINE) })

  it('are names in the environment, as the function reads them', () => {
    const { Environment } = plain(
      resourceOf(template, 'AWS::Lambda::Function', 'RuleFunction').Properties,
    ) as { Environment: { Variables: Record<string, string> } }
    expect(Environment.Variables['THAW_RULE_SECRETS']).toBe(LINE)
    expect(parseSecretReferences(LINE)).toEqual(
      Object.entries(readRuleSecrets(LINE)).map(([variable, { secret, key }]) => ({
        variable,
        secret,
        key,
      })),
    )
    // Neither values nor what CloudFormation would put in their place.
    expect(JSON.stringify(template.toJSON())).not.toContain('{{resolve:')
  })

  it('are all that the function may read of Secrets Manager, and no other function may', () => {
    const named = 'arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:am'
    const about = ['Query', 'Store', 'Plan', 'Compact', 'Rule', 'Authorize'].flatMap((name) =>
      allowances(template, `${name}Role`).filter((line) => line.startsWith('secretsmanager:')),
    )
    expect(about).toEqual([
      `secretsmanager:GetSecretValue ${named}-??????`,
      `secretsmanager:GetSecretValue ${ARN}`,
    ])
  })

  it.each([
    ['am', 'has "am": want NAME=secret or NAME=secret:key'],
    ['A=two words', 'has "A=two words": want NAME=secret or NAME=secret:key'],
    ['A=b,A=c', 'has A twice'],
    [
      `A=${ARN.slice(0, -7)}`,
      `has "A=${ARN.slice(0, -7)}": give the whole ARN, which ends in a dash and six characters that Secrets Manager chose, or the name alone`,
    ],
  ])('refuses %s', (line, message) => {
    expect(() => readRuleSecrets(line)).toThrow(message)
  })
})

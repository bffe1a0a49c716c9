/** The secrets of Secrets Manager that the rule function may read: their names are all that the template has of them. */
import { Aws } from 'aws-cdk-lib'

import { itemsOf } from './option-values.ts'

/** By variable. */
export type RuleSecrets = Readonly<Record<string, RuleSecret>>

export interface RuleSecret {
  /** Name or ARN. */
  readonly secret: string
  /** Of a secret that is a JSON object: which of its values. */
  readonly key: string | undefined
}

const ITEM =
  /^([A-Za-z_]\w*)=(arn:[^:\s]+:secretsmanager(?::[^:\s]*){2}:secret:[^:\s]+|[\w/+=.@-]+)(?::(\S+))?$/

/** `NAME=secret`, or `NAME=secret:key` of one that is a JSON object; several with commas. */
export function readRuleSecrets(line: string): RuleSecrets {
  const secrets: Record<string, RuleSecret> = {}
  for (const item of itemsOf(line)) {
    const found = ITEM.exec(item)
    const text = JSON.stringify(item)
    if (!found) {
      throw new Error(`has ${text}: want NAME=secret or NAME=secret:key`)
    }
    const [variable, secret] = [found[1]!, found[2]!]
    if (secret.startsWith('arn:') && !/-\w{6}$/.test(secret)) {
      throw new Error(
        `has ${text}: give the whole ARN, which ends in a dash and six characters that Secrets Manager chose, or the name alone`,
      )
    }
    if (secrets[variable]) throw new Error(`has ${variable} twice`)
    secrets[variable] = { secret, key: found[3] }
  }
  return secrets
}

/** As the function reads it. */
export function secretNames(secrets: RuleSecrets): string {
  return Object.entries(secrets)
    .map(([variable, { secret, key }]) => `${variable}=${secret}${key ? `:${key}` : ''}`)
    .join(',')
}

/** Of each secret once; Secrets Manager adds a dash and six characters to a name, and `?` is one in a policy. */
export function secretArns(secrets: RuleSecrets): string[] {
  const names = new Set(Object.values(secrets).map(({ secret }) => secret))
  return [...names].map((name) =>
    name.startsWith('arn:')
      ? name
      : `arn:${Aws.PARTITION}:secretsmanager:${Aws.REGION}:${Aws.ACCOUNT_ID}:secret:${name}-??????`,
  )
}

/** Findings of the checks that are as we want them: each acknowledged beside the construct that it is about, with the reason. */
import { Stack, Validations } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

/** Of a construct and all in it; `rule` is `AwsSolutions-…` or `Serverless-…`. */
export function acknowledge(construct: Construct, rule: string, reason: string): void {
  Validations.of(construct).acknowledge({ id: `${rule.split('-', 1)[0]}::${rule}`, reason })
}

/** That statements of IAM allow something on all that begins like these resources. Those without a `*` need no reason. */
export function acknowledgeWildcards(
  construct: Construct,
  resources: readonly string[],
  reason: string,
): void {
  for (const resource of resources) {
    const written = flat(Stack.of(construct).resolve(resource))
    if (!written.includes('*')) continue
    acknowledge(construct, `AwsSolutions-IAM5[Resource::${written}]`, reason)
  }
}

/** As the checks write what CloudFormation is yet to know: `<Id>` and `<Id.Attribute>`. */
function flat(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const [[key, inner] = ['', undefined]] = Object.entries(value)
  if (key === 'Ref') return `<${inner as string}>`
  if (key === 'Fn::GetAtt') return `<${(inner as string[]).join('.')}>`
  if (key === 'Fn::Join') return (inner as [string, unknown[]])[1].map(flat).join('')
  throw new Error(`bug: ${key} in the name of a resource`)
}

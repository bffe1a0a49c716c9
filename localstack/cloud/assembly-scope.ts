/** What the intrinsic functions of a template become here. */
import type { Template } from './assembly-files.ts'
import { functionArn, functionNameOf } from './function-name.ts'
import { ACCOUNT, REGION, resolve, type Scope } from './intrinsics.ts'

export interface ScopeOptions {
  /** Where a function finds a queue. */
  readonly queueUrl: (name: string) => string
  /** By the logical id of an `AWS::Lambda::Url`. */
  readonly functionUrl: (logicalId: string) => string
  /** The number of a version of a function, by its logical id. */
  readonly versionOf: (functionName: string, logicalId: string) => string
}

/** Physical names where the template gives them, logical ids in lower case where it does not. */
export function scopeOf(
  template: Template,
  { queueUrl, functionUrl, versionOf }: ScopeOptions,
): Scope {
  const nameOf = (id: string): string => {
    const properties = template.Resources[id]?.Properties ?? {}
    for (const key of ['FunctionName', 'BucketName', 'QueueName', 'LogGroupName', 'Name']) {
      const name = properties[key]
      if (typeof name === 'string') return name
    }
    return id.toLowerCase()
  }
  /** Of a version or an alias. */
  const functionOf = (id: string): string =>
    functionNameOf(resolve(template.Resources[id]?.Properties?.['FunctionName'], scope) as string)
  const scope: Scope = {
    ref(id) {
      const parameter = template.Parameters?.[id]
      if (parameter !== undefined) return parameter.Default ?? ''
      const type = template.Resources[id]?.Type
      if (type === 'AWS::SQS::Queue') return queueUrl(nameOf(id))
      if (type === 'AWS::Lambda::Version') {
        return functionArn(functionOf(id), versionOf(functionOf(id), id))
      }
      if (type === 'AWS::Lambda::Alias') return functionArn(functionOf(id), nameOf(id))
      return nameOf(id)
    },
    attribute(id, attribute) {
      const type = template.Resources[id]?.Type
      if (type === 'AWS::Lambda::Version' && attribute === 'Version') {
        return versionOf(functionOf(id), id)
      }
      if (type === 'AWS::Lambda::Url' && attribute === 'FunctionUrl') return functionUrl(id)
      const name = nameOf(id)
      if (attribute !== 'Arn') return name
      if (type === 'AWS::Lambda::Function') return functionArn(name)
      if (type === 'AWS::S3::Bucket') return `arn:aws:s3:::${name}`
      if (type === 'AWS::SQS::Queue') return `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`
      if (type === 'AWS::Events::Rule') return `arn:aws:events:${REGION}:${ACCOUNT}:rule/${name}`
      return `arn:aws:local:${REGION}:${ACCOUNT}:${name}`
    },
  }
  return scope
}

/** What the role of each function of a synthesised stack may do, with the names that things have in the embedded cloud. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { functionArn } from '#localstack/cloud/function-name.ts'
import { ACCOUNT, REGION, resolve, type Scope } from '#localstack/cloud/intrinsics.ts'
import { type Allowance, allowancesOf, type Statement } from './allowance.ts'
import { type Denial, denialsOf, type PolicyStatement } from './bucket-policy.ts'

interface Resource {
  readonly Type: string
  readonly Properties?: Readonly<Record<string, unknown>>
}

/** By name of the function. `bucket` is the name of the bucket that the stack makes. */
export function templateRoles(directory: string, bucket: string): Map<string, Allowance[]> {
  const resources = readResources(directory)
  const scope = scopeOf(resources, bucket)
  const policies = of(resources, 'AWS::IAM::Policy').map(
    ({ Properties }) =>
      resolve(Properties, scope) as {
        readonly Roles: readonly string[]
        readonly PolicyDocument: { readonly Statement: readonly Statement[] }
      },
  )
  const roles = new Map<string, Allowance[]>()
  for (const { Properties } of of(resources, 'AWS::Lambda::Function')) {
    const { FunctionName, Role } = resolve(Properties, scope) as Record<string, string>
    const statements = policies
      .filter(({ Roles }) => Roles.some((name) => Role === roleArn(name)))
      .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
    roles.set(FunctionName!, allowancesOf(statements))
  }
  return roles
}

/** What the policy of the bucket that the stack makes denies. */
export function templateDenials(directory: string, bucket: string): Denial[] {
  const resources = readResources(directory)
  const scope = scopeOf(resources, bucket)
  return of(resources, 'AWS::S3::BucketPolicy').flatMap(({ Properties }) => {
    const { PolicyDocument } = resolve(Properties, scope) as {
      readonly PolicyDocument: { readonly Statement: readonly PolicyStatement[] }
    }
    return denialsOf(PolicyDocument.Statement)
  })
}

/** Where the log of a function goes. */
export function logGroupArn(functionName: string): string {
  return `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:/aws/lambda/${functionName}`
}

function roleArn(name: string): string {
  return `arn:aws:iam::${ACCOUNT}:role/${name}`
}

function of(resources: Readonly<Record<string, Resource>>, type: string): Resource[] {
  return Object.values(resources).filter(({ Type }) => Type === type)
}

function readResources(directory: string): Record<string, Resource> {
  const read = (file: string): unknown => JSON.parse(readFileSync(join(directory, file), 'utf8'))
  const { artifacts } = read('manifest.json') as {
    readonly artifacts: Record<string, { readonly properties?: { readonly templateFile?: string } }>
  }
  const files = Object.values(artifacts).flatMap(({ properties }) => properties?.templateFile ?? [])
  if (files.length !== 1) throw new Error(`${files.length} stacks in ${directory}, not one`)
  return (read(files[0]!) as { readonly Resources: Record<string, Resource> }).Resources
}

/** A resource of another type as a reference is an error: nobody would know what it allows. */
function scopeOf(resources: Readonly<Record<string, Resource>>, bucket: string): Scope {
  const named = (id: string, property: string): string => {
    const name = resources[id]?.Properties?.[property]
    if (typeof name !== 'string') throw new Error(`${id} has no ${property}`)
    return name
  }
  const arn = (id: string): string => {
    switch (resources[id]?.Type) {
      case 'AWS::S3::Bucket':
        return `arn:aws:s3:::${bucket}`
      case 'AWS::Lambda::Function':
        return functionArn(named(id, 'FunctionName'))
      case 'AWS::SQS::Queue':
        return `arn:aws:sqs:${REGION}:${ACCOUNT}:${named(id, 'QueueName')}`
      case 'AWS::Logs::LogGroup':
        // CloudFormation's has the streams in it.
        return `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${named(id, 'LogGroupName')}:*`
      case 'AWS::IAM::Role':
        return roleArn(id)
      default:
        return `arn:aws:local:${REGION}:${ACCOUNT}:${id}`
    }
  }
  return {
    ref: (id) => (resources[id]?.Type === 'AWS::S3::Bucket' ? bucket : id),
    attribute: (id, name) => (name === 'Arn' ? arn(id) : `${id}.${name}`),
  }
}

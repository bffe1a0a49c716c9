/** The function URLs of a synthesized stack. */
import type { Properties, ResourcesOf } from './assembly-api.ts'
import { functionNameOf } from './function-name.ts'

export interface FunctionUrlSpec {
  /** Logical id of the resource. */
  readonly id: string
  readonly functionName: string
  /** What is invoked: the function, or an alias or a version of it. */
  readonly reference: string
  /** Whether the answer goes out as it is made, or when it is whole. */
  readonly streams: boolean
  readonly authorization: 'none' | 'iam'
}

/** What is not known here is an error: a door must not be more open than on AWS. */
export function functionUrlSpecs(of: ResourcesOf): FunctionUrlSpec[] {
  return of('AWS::Lambda::Url').map(({ id, properties }) => {
    const name = functionNameOf(properties['TargetFunctionArn'] as string)
    const qualifier = properties['Qualifier'] as string | undefined
    if (properties['Cors'] !== undefined) throw new Error(`CORS of ${id} is not known here`)
    return {
      id,
      functionName: name,
      reference: qualifier === undefined ? name : `${name}:${qualifier}`,
      streams: (properties['InvokeMode'] ?? 'BUFFERED') === 'RESPONSE_STREAM',
      authorization: authorization(id, properties),
    }
  })
}

function authorization(id: string, { AuthType }: Properties): FunctionUrlSpec['authorization'] {
  if (AuthType === 'NONE') return 'none'
  if (AuthType === 'AWS_IAM') return 'iam'
  throw new Error(`authorization ${String(AuthType)} of ${id} is not known here`)
}

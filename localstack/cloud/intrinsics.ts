/** CloudFormation's intrinsic functions, as far as CDK writes them into the properties of what runs here. */

export interface Scope {
  /** What `Ref` of a resource or a parameter is here. */
  ref(logicalId: string): string
  attribute(logicalId: string, name: string): string
}

export const REGION = 'us-east-1'
export const ACCOUNT = '000000000000'

const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::AccountId': ACCOUNT,
  'AWS::Region': REGION,
  'AWS::Partition': 'aws',
  'AWS::URLSuffix': 'amazonaws.com',
  'AWS::StackName': 'local',
  'AWS::StackId': `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/local/0`,
}

/** The value with every intrinsic replaced. An intrinsic that is not known is an error, not a guess. */
export function resolve(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) return value.map((item) => resolve(item, scope))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const [key, inner] = entries[0] ?? ['', undefined]
  if (entries.length === 1 && (key === 'Ref' || key.startsWith('Fn::'))) {
    return resolveFunction(key, inner, scope)
  }
  return Object.fromEntries(entries.map(([name, item]) => [name, resolve(item, scope)]))
}

function resolveFunction(name: string, argument: unknown, scope: Scope): unknown {
  switch (name) {
    case 'Ref':
      return reference(argument as string, scope)
    case 'Fn::GetAtt': {
      const [id, attribute] =
        typeof argument === 'string' ? argument.split('.', 2) : (argument as string[])
      return scope.attribute(id ?? '', attribute ?? '')
    }
    case 'Fn::Join': {
      const [separator, parts] = argument as [string, unknown]
      return (resolve(parts, scope) as unknown[]).join(separator)
    }
    case 'Fn::Sub': {
      const [text, variables] = Array.isArray(argument)
        ? (argument as [string, Record<string, unknown>])
        : [argument as string, {}]
      return substitute(text, variables, scope)
    }
    case 'Fn::Select': {
      const [index, items] = argument as [number | string, unknown]
      return (resolve(items, scope) as unknown[])[Number(index)]
    }
    case 'Fn::Split': {
      const [separator, text] = argument as [string, unknown]
      return (resolve(text, scope) as string).split(separator)
    }
    default:
      throw new Error(`intrinsic function ${name} is not known here`)
  }
}

function reference(logicalId: string, scope: Scope): string | undefined {
  if (logicalId === 'AWS::NoValue') return undefined
  return PSEUDO[logicalId] ?? scope.ref(logicalId)
}

/** `${Name}`, `${Name.Attribute}`, and `${!Literal}` for a dollar that means itself. */
function substitute(text: string, variables: Record<string, unknown>, scope: Scope): string {
  return text.replaceAll(/\$\{([^}]+)\}/g, (_whole, name: string) => {
    if (name.startsWith('!')) return `\${${name.slice(1)}}`
    if (name in variables) return resolve(variables[name], scope) as string
    const dot = name.indexOf('.')
    if (dot < 0) return reference(name, scope) ?? ''
    return scope.attribute(name.slice(0, dot), name.slice(dot + 1))
  })
}

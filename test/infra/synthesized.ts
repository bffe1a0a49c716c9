/** The stack as CloudFormation would get it, with functions that do nothing, and its statements as lines of text. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Template } from 'aws-cdk-lib/assertions'

import { DEFAULT_STACK_CONFIG } from '#infra/stack-config.ts'
import type { StackConfig } from '#infra/stack-config.ts'
import { thawApp } from '#infra/thaw-app.ts'
import { ThawStack } from '#infra/thaw-stack.ts'

export interface Resource {
  readonly Type: string
  readonly Properties: Record<string, unknown>
  readonly DeletionPolicy?: string
  readonly UpdateReplacePolicy?: string
}

/** `code` is of functions that do something else than the others. */
export function synthesize(
  config: Partial<StackConfig> = {},
  code: Readonly<Record<string, string>> = {},
): Template {
  const directory = mkdtempSync(join(tmpdir(), 'thaw-infra-test-'))
  try {
    for (const name of ['query', 'store', 'plan', 'compact', 'rule', 'authorize', 'stream']) {
      const nothing = `export const handler = async () => '${name}'\n`
      writeFileSync(join(directory, `${name}.ts`), code[name] ?? nothing)
    }
    const app = thawApp({
      outdir: join(directory, 'cdk.out'),
      // Three seconds in each file of tests; test/infra/checks.test.ts has them.
      builtinCloudFormationValidation: false,
    })
    const stack = new ThawStack(app, 'thaw', {
      config: { ...DEFAULT_STACK_CONFIG, functionsDir: directory, ...config },
    })
    return Template.fromStack(stack)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

export function resourcesOf(template: Template, type: string): Record<string, Resource> {
  return template.findResources(type) as Record<string, Resource>
}

/** The one resource of a type whose logical id, without its hash, is `id`. */
export function resourceOf(template: Template, type: string, id: string): Resource {
  const found = Object.entries(resourcesOf(template, type)).filter(
    ([logicalId]) => withoutHash(logicalId) === id,
  )
  if (found.length !== 1) throw new Error(`${found.length} resources ${type} with the id ${id}`)
  return found[0]![1]
}

/** `Ref` and `Fn::GetAtt` as the logical id without its hash, joins joined. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const [key, inner] = entries[0] ?? ['', undefined]
  if (entries.length === 1 && key === 'Ref') {
    return (inner as string).startsWith('AWS::') ? `<${inner}>` : withoutHash(inner as string)
  }
  if (entries.length === 1 && key === 'Fn::GetAtt') {
    const [id, attribute] = inner as [string, string]
    return `${withoutHash(id)}.${attribute}`
  }
  if (entries.length === 1 && key === 'Fn::Join') {
    const [separator, parts] = inner as [string, unknown[]]
    return parts.map(plain).join(separator)
  }
  if (entries.length === 1 && key === 'Fn::Select') {
    const [index, items] = inner as [number, { 'Fn::Split': [string, unknown] }]
    return `<${index} of ${String(plain(items['Fn::Split'][1]))}>`
  }
  return Object.fromEntries(entries.map(([name, item]) => [name, plain(item)]))
}

interface Statement {
  readonly Effect: string
  readonly Action: string | string[]
  readonly Resource: string | string[]
  readonly Condition?: unknown
}

/** One line for each action on each resource that the role of a function is allowed, sorted. */
export function allowances(template: Template, role: string): string[] {
  return Object.values(resourcesOf(template, 'AWS::IAM::Policy'))
    .map(
      ({ Properties }) =>
        plain(Properties) as { Roles: string[]; PolicyDocument: { Statement: Statement[] } },
    )
    .filter(({ Roles }) => Roles.includes(role))
    .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
    .flatMap(({ Effect, Action, Resource, Condition }) => {
      if (Effect !== 'Allow' || Condition !== undefined) return [`${Effect} with a condition`]
      return [Action].flat().flatMap((action) => [Resource].flat().map((on) => `${action} ${on}`))
    })
    .toSorted()
}

/** A version has two: its own, and that of the function's code and configuration. */
function withoutHash(logicalId: string): string {
  return logicalId.replace(/[0-9A-F]{8}(?:[0-9a-f]{32})?$/, '')
}

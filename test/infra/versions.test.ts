import { describe, expect, it } from 'vitest'

import type { StackConfig } from '#infra/stack-config.ts'

import { plain, resourcesOf, synthesize } from './synthesized.ts'

const FUNCTIONS = ['authorize', 'compact', 'plan', 'query', 'rule', 'store']

interface Versions {
  /** Logical ids of the versions, by function: another id is another version. */
  readonly ids: Record<string, string>
  readonly template: ReturnType<typeof synthesize>
}

function versions(config: Partial<StackConfig> = {}, code: Record<string, string> = {}): Versions {
  const template = synthesize(config, code)
  const ids = Object.entries(resourcesOf(template, 'AWS::Lambda::Version')).map(
    ([id, { Properties }]) => {
      const name = (plain(Properties['FunctionName']) as string).replace(/Function$/, '')
      return [name.toLowerCase(), id] as const
    },
  )
  return { ids: Object.fromEntries(ids), template }
}

/** Functions of which a new version is published when the second stack follows the first. */
function published(first: Versions, second: Versions): string[] {
  return FUNCTIONS.filter((name) => first.ids[name] !== second.ids[name])
}

describe('versions of the functions', () => {
  const before = versions()

  it('are one for each, behind an alias that is called live', () => {
    expect(Object.keys(before.ids).toSorted()).toEqual(FUNCTIONS)
    const aliases = Object.values(resourcesOf(before.template, 'AWS::Lambda::Alias'))
    expect(aliases.map(({ Properties }) => plain(Properties))).toEqual(
      ['Store', 'Query', 'Plan', 'Compact', 'Authorize', 'Rule'].map((id) => ({
        FunctionName: `${id}Function`,
        FunctionVersion: `${id}FunctionCurrentVersion.Version`,
        Name: 'live',
      })),
    )
  })

  it('stay when the next one is live, and go when the deployment that made them fails', () => {
    for (const version of Object.values(resourcesOf(before.template, 'AWS::Lambda::Version'))) {
      expect(version).toMatchObject({
        DeletionPolicy: 'RetainExceptOnCreate',
        UpdateReplacePolicy: 'Retain',
      })
    }
  })

  it('are the same when nothing of a function changed', () => {
    const noise = { requestsPerSecond: 7, corsOrigins: [], compactConcurrency: 3 }
    expect(published(before, versions(noise))).toEqual([])
  })

  it('are new when the code is', () => {
    const code = { plan: 'export const handler = async () => 2\n' }
    expect(published(before, versions({}, code))).toEqual(['plan'])
  })

  it('are new when the configuration is', () => {
    expect(published(before, versions({ ruleFlags: '--label=a="b"' }))).toEqual(['rule'])
    expect(published(before, versions({ compactMemoryMb: 3008 }))).toEqual(['compact'])
  })

  it('are new for query when they are for store, which it calls by its version', () => {
    const code = { store: 'export const handler = async () => 2\n' }
    const after = versions({}, code)
    expect(published(before, after)).toEqual(['query', 'store'])
    const { Environment } = Object.values(
      resourcesOf(after.template, 'AWS::Lambda::Function'),
    ).find(({ Properties }) => Properties['FunctionName'] === 'thaw-query')!.Properties as {
      Environment: { Variables: Record<string, unknown> }
    }
    expect(Environment.Variables['THAW_STORE_FUNCTION']).toEqual({ Ref: after.ids['store'] })
  })
})

describe('what calls a function', () => {
  const { template, ids } = versions()
  const resources = template.toJSON()['Resources'] as Record<string, object>

  it('calls its alias, or a version: nothing calls what was deployed last by the name alone', () => {
    const functions = Object.keys(resourcesOf(template, 'AWS::Lambda::Function'))
    const own = new Set(['AWS::Lambda::Function', 'AWS::Lambda::Version', 'AWS::Lambda::Alias'])
    // What only looks names all versions together.
    const others = Object.entries(resources).filter(
      ([, it]) =>
        !own.has((it as { Type: string }).Type) &&
        !(it as { Type: string }).Type.startsWith('AWS::CloudWatch::'),
    )
    const naming = others.flatMap(([id, it]) =>
      functions
        .filter((name) => JSON.stringify(it).includes(`"${name}"`))
        .map((name) => [id, name]),
    )
    // The right of query, on all versions of store.
    expect(naming.map(([id]) => id!.slice(0, -8))).toEqual(['QueryRoleDefaultPolicy'])
  })

  it('is there before it is called: each alias after its version, query after the store it calls', () => {
    const order = deploymentOrder(resources)
    const place = (id: string): number => {
      const at = order.findIndex((name) => name === id || name.replace(/[0-9A-F]{8}$/, '') === id)
      if (at < 0) throw new Error(`no resource ${id}`)
      return at
    }
    expect(place(ids['store']!)).toBeLessThan(place('QueryFunction'))
    expect(place('QueryFunction')).toBeLessThan(place(ids['query']!))
    expect(place(ids['query']!)).toBeLessThan(place('QueryLive'))
    expect(place('QueryLive')).toBeLessThan(place('HttpApiDefaultRouteQuery'))
    const permissions = Object.entries(resources as Record<string, { Type: string }>)
      .filter(([id, { Type }]) => Type === 'AWS::Lambda::Permission' && id.startsWith('HttpApi'))
      .map(([id]) => id)
    expect(permissions.length).toBeGreaterThan(0)
    const late = permissions.filter((id) => place(id) >= place('HttpApiDefaultRouteQuery'))
    expect(late).toEqual([])
  })
})

/** As CloudFormation: what a resource refers to or depends on is done first. A cycle is an error. */
function deploymentOrder(resources: Record<string, object>): string[] {
  const order: string[] = []
  const done = new Set<string>()
  const visit = (id: string, path: readonly string[]): void => {
    if (path.includes(id)) throw new Error(`a cycle: ${[...path, id].join(' → ')}`)
    if (done.has(id)) return
    for (const next of referencesOf(resources[id]!)) {
      if (next in resources) visit(next, [...path, id])
    }
    done.add(id)
    order.push(id)
  }
  for (const id of Object.keys(resources)) visit(id, [])
  return order
}

function referencesOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) return value.flatMap(referencesOf)
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'Ref') return [inner as string]
    if (key === 'Fn::GetAtt') return [(inner as string[])[0]!]
    if (key === 'DependsOn') return [inner].flat() as string[]
    return referencesOf(inner)
  })
}

/** In which order CloudFormation does the resources of a template: each after those that it refers to or depends on. */
import type { TemplateResource } from './assembly-files.ts'

/** By logical id, in the order of the template. */
export type Dependencies = ReadonlyMap<string, ReadonlySet<string>>

export function dependenciesOf(
  resources: Readonly<Record<string, TemplateResource>>,
): Dependencies {
  return new Map(
    Object.entries(resources).map(([id, resource]) => [
      id,
      new Set(referencesIn(resource).filter((name) => name in resources)),
    ]),
  )
}

/** `choose` says which of those that can be done is next: CloudFormation does them side by side. The first one, unless it is told. */
export function deploymentOrder(
  dependencies: Dependencies,
  choose: (ready: readonly string[]) => string = (ready) => ready[0]!,
): string[] {
  const order: string[] = []
  const left = new Map([...dependencies].map(([id, needs]) => [id, new Set(needs)]))
  while (left.size > 0) {
    const ready = [...left].filter(([, needs]) => needs.size === 0).map(([id]) => id)
    if (ready.length === 0) throw new Error(`a cycle among ${[...left.keys()].join(', ')}`)
    const next = choose(ready)
    left.delete(next)
    for (const needs of left.values()) needs.delete(next)
    order.push(next)
  }
  return order
}

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) return value.flatMap(referencesIn)
  return Object.entries(value).flatMap(([key, inner]): string[] => {
    if (key === 'Ref') return [inner as string]
    if (key === 'Fn::GetAtt')
      return [typeof inner === 'string' ? inner.split('.')[0]! : (inner as string[])[0]!]
    if (key === 'Fn::Sub') return substituted(inner)
    if (key === 'DependsOn') return [inner].flat() as string[]
    return referencesIn(inner)
  })
}

function substituted(argument: unknown): string[] {
  const [text, variables] = Array.isArray(argument) ? argument : [argument, {}]
  const names = [...(text as string).matchAll(/\$\{([^!}.][^}.]*)[^}]*\}/g)].map(
    ([, name]) => name!,
  )
  return [...names, ...referencesIn(variables)]
}

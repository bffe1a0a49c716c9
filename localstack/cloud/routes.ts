/** Which route of an HTTP API a request takes: the most specific one, as API Gateway says. */
import type { RouteSpec } from './assembly-api.ts'

export interface RouteMatch {
  readonly route: RouteSpec
  readonly parameters: Readonly<Record<string, string>>
}

/** Whole paths win over parameters, parameters over `{proxy+}`, a method over ANY, and `$default` takes the rest. */
export function matchRoute(
  routes: readonly RouteSpec[],
  method: string,
  path: string,
): RouteMatch | undefined {
  let best: (RouteMatch & { readonly rank: string }) | undefined
  for (const route of routes) {
    const match = matchOne(route, method, path)
    if (match !== undefined && (best === undefined || match.rank < best.rank)) best = match
  }
  return best === undefined ? undefined : { route: best.route, parameters: best.parameters }
}

function matchOne(
  route: RouteSpec,
  method: string,
  path: string,
): (RouteMatch & { rank: string }) | undefined {
  if (route.key === '$default') return { route, parameters: {}, rank: 'z' }
  const [routeMethod = '', routePath = ''] = route.key.split(' ')
  if (routeMethod !== 'ANY' && routeMethod !== method) return undefined
  const want = routePath.split('/')
  const have = path.split('/')
  const parameters: Record<string, string> = {}
  // One letter for each segment, then one for the method: the text that sorts first is the most specific.
  let rank = ''
  for (const [index, segment] of want.entries()) {
    const greedy = /^\{(.+)\+\}$/.exec(segment)
    if (greedy !== null) {
      const rest = have.slice(index).join('/')
      if (rest === '') return undefined
      parameters[greedy[1] ?? ''] = decode(rest)
      return { route, parameters, rank: `${rank}c${methodRank(routeMethod)}` }
    }
    const actual = have[index]
    if (actual === undefined) return undefined
    const parameter = /^\{(.+)\}$/.exec(segment)
    if (parameter !== null) {
      parameters[parameter[1] ?? ''] = decode(actual)
      rank += 'b'
    } else if (segment === actual) {
      rank += 'a'
    } else {
      return undefined
    }
  }
  if (have.length !== want.length) return undefined
  return { route, parameters, rank: rank + methodRank(routeMethod) }
}

function methodRank(method: string): string {
  return method === 'ANY' ? 'b' : 'a'
}

/** As the gateway decodes; what is not valid stays as it came. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Which scope each route needs of a caller: the whole policy, in one table. */
import type { AccessScope } from '#lib/model/caller.ts'
import { API } from './routes.ts'

/** `open`: no credentials at all, for probes. */
export type RouteScope = AccessScope | 'open'

const READ = [
  '/federate',
  '/version',
  ...api([
    // What is asked of data: a tenant sees its own.
    '/query',
    '/query_range',
    '/query_explain',
    '/query_range_explain',
    '/query_exemplars',
    '/format_query',
    '/parse_query',
    '/labels',
    '/label/:name/values',
    '/series',
    '/read',
    '/metadata',
    '/rules',
    '/alerts',
    '/targets',
    '/targets/metadata',
    '/targets/relabel_steps',
    '/scrape_pools',
    '/scrape_pools/config',
    '/notifications',
    '/notifications/live',
    '/search/metric_names',
    '/search/label_names',
    '/search/label_values',
    '/stores',
    '/blocks',
    '/status/tsdb',
    '/status/tsdb/blocks',
    '/status/compaction',
    // What clients look at before they ask; Grafana does with the credentials of its data source.
    '/features',
    '/status/buildinfo',
    '/status/runtimeinfo',
    '/status/walreplay',
  ]),
]

const WRITE = api(['/write', '/otlp/v1/metrics'])

const ADMIN = [
  '/metrics',
  '/-/reload',
  '/-/quit',
  ...api([
    // Changes something.
    '/blocks/mark',
    '/admin/tsdb/delete_series',
    '/admin/tsdb/clean_tombstones',
    '/admin/tsdb/snapshot',
    // Shows insides: settings with the names of all tenants, addresses of others, labels of all agents.
    '/status/flags',
    '/status/config',
    '/status/self_metrics',
    '/alertmanagers',
  ]),
]

const OPEN = ['/-/healthy', '/-/ready']

export const ROUTE_SCOPES: ReadonlyMap<string, RouteScope> = new Map([
  ...rows(READ, 'read'),
  ...rows(WRITE, 'write'),
  ...rows(ADMIN, 'admin'),
  ...rows(OPEN, 'open'),
])

/** A route that nobody thought of is for nobody but the operator. */
export function scopeOf(path: string): RouteScope {
  return ROUTE_SCOPES.get(path) ?? 'admin'
}

function api(paths: readonly string[]): string[] {
  return paths.map((path) => API + path)
}

function rows(paths: readonly string[], scope: RouteScope): [string, RouteScope][] {
  return paths.map((path) => [path, scope])
}

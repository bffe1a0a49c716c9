/** Every route of the API: its path, methods, handler, and how it is transported. */
import * as absent from './absent-routes.ts'
import type { Answer } from './answer.ts'
import type { Call } from './call.ts'
import { compaction } from './compaction-route.ts'
import { explainInstant, explainRange } from './explain-routes.ts'
import * as expression from './expression-routes.ts'
import { features } from './features-route.ts'
import { federate } from './federate-route.ts'
import * as inventory from './inventory-routes.ts'
import { labelNames, labelValues, series } from './label-routes.ts'
import type { ApiParts } from './parts.ts'
import { queryInstant, queryRange } from './query-routes.ts'
import { remoteRead } from './read-route.ts'
import { alertmanagers, alerts, rules } from './rules-routes.ts'
import * as server from './server-routes.ts'
import * as source from './source-routes.ts'
import { targets, targetsMetadata } from './targets-routes.ts'

export type Handler = (call: Call) => Answer | Promise<Answer>

export interface Route {
  readonly methods: readonly string[]
  readonly handle: Handler
  /** Cross-origin headers. */
  readonly cors: boolean
  readonly compress: boolean
  /** Bodies are forms and errors JSON, as in the API proper; or bodies are left to the handler and errors are text. */
  readonly raw: boolean
}

const methods =
  (...names: string[]) =>
  (handle: Handler): Route => ({ methods: names, handle, cors: true, compress: true, raw: false })

const get = methods('GET')
const post = methods('POST')
const getOrPost = methods('GET', 'POST')
const postOrPut = methods('POST', 'PUT')

/** Beside the API: what only programs read. */
const plain = (route: Route): Route => ({ ...route, cors: false, compress: false })
const raw = (route: Route): Route => ({ ...plain(route), raw: true })

export const API = '/api/v1'

/** Under `/api/v1`. */
const API_ROUTES: Readonly<Record<string, Route>> = {
  '/query': getOrPost(queryInstant),
  '/query_range': getOrPost(queryRange),
  '/query_explain': getOrPost(explainInstant),
  '/query_range_explain': getOrPost(explainRange),
  '/query_exemplars': getOrPost(source.queryExemplars),
  '/format_query': getOrPost(expression.formatQuery),
  '/parse_query': getOrPost(expression.parseQuery),
  '/labels': getOrPost(labelNames),
  '/label/:name/values': getOrPost(labelValues),
  '/series': getOrPost(series),
  '/read': raw(post(remoteRead)),
  '/write': raw(post(absent.remoteWrite)),
  '/otlp/v1/metrics': raw(post(absent.otlpWrite)),
  '/metadata': get(source.metadata),
  '/rules': get(rules),
  '/alerts': get(alerts),
  '/targets': get(targets),
  '/targets/metadata': get(targetsMetadata),
  '/targets/relabel_steps': get(absent.relabelSteps),
  '/alertmanagers': get(alertmanagers),
  '/scrape_pools': get(absent.scrapePools),
  '/scrape_pools/config': get(absent.scrapePoolConfig),
  '/notifications': get(absent.notifications),
  '/notifications/live': get(absent.notificationsLive),
  '/features': get(features),
  '/stores': get(inventory.stores),
  '/blocks': get(inventory.bucketBlocks),
  '/blocks/mark': post(inventory.markBlock),
  '/status/buildinfo': get(server.buildInfo),
  '/status/runtimeinfo': get(server.runtimeInfo),
  '/status/flags': get(server.flags),
  '/status/config': get(server.config),
  '/status/walreplay': get(server.walReplay),
  '/status/tsdb': get(inventory.tsdbStatus),
  '/status/tsdb/blocks': get(inventory.tsdbBlocks),
  '/status/compaction': get(compaction),
  '/status/self_metrics': get(absent.selfMetrics),
  '/search/metric_names': getOrPost(absent.search),
  '/search/label_names': getOrPost(absent.search),
  '/search/label_values': getOrPost(absent.search),
  '/admin/tsdb/delete_series': postOrPut(absent.admin),
  '/admin/tsdb/clean_tombstones': postOrPut(absent.admin),
  '/admin/tsdb/snapshot': postOrPut(absent.admin),
}

const OTHER_ROUTES: Readonly<Record<string, Route>> = {
  '/federate': { ...raw(get(federate)), compress: true },
  '/-/healthy': plain(methods('GET', 'HEAD')(server.healthy)),
  '/-/ready': plain(methods('GET', 'HEAD')(server.ready)),
  '/-/reload': plain(methods('GET', 'POST', 'PUT')(absent.lifecycle)),
  '/-/quit': plain(methods('GET', 'POST', 'PUT')(absent.lifecycle)),
  '/version': plain(get(server.version)),
}

/** By path. There is no page of metrics where nobody counts. */
export function routesOf({ metrics }: ApiParts): readonly (readonly [string, Route])[] {
  return [
    ...Object.entries(API_ROUTES).map(([path, route]) => [API + path, route] as const),
    ...Object.entries(OTHER_ROUTES),
    ...(metrics === undefined ? [] : [['/metrics', plain(get(server.metrics))] as const]),
  ]
}

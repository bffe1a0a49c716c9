/** What an HTTP server counts of its requests, under the names that Thanos's components have. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

type Fetch = (request: Request) => Response | Promise<Response>

const SECONDS = [0.001, 0.01, 0.1, 0.3, 0.6, 1, 3, 6, 9, 20, 30, 60, 90, 120]

export function meteredFetch(inner: Fetch, registry: Registry, now: () => number): Fetch {
  const registers = [registry]
  const labelNames = ['code', 'handler', 'method'] as const
  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Requests that were answered',
    labelNames,
    registers,
  })
  const seconds = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'From the arrival of a request to its answer',
    labelNames,
    buckets: SECONDS,
    registers,
  })
  const running = new Gauge({
    name: 'http_inflight_requests',
    help: 'Requests that run or wait',
    registers,
  })
  return async (request) => {
    const startMs = now()
    running.inc()
    try {
      const response = await inner(request)
      const labels = {
        code: String(response.status),
        handler: handlerOf(request, response),
        method: request.method.toLowerCase(),
      }
      requests.inc(labels)
      seconds.observe(labels, (now() - startMs) / 1000)
      return response
    } finally {
      running.dec()
    }
  }
}

/** Thanos's names of the routes. What is no route must not make a series for each path that somebody tries. */
function handlerOf({ url, method }: Request, { status }: Response): string {
  if (status === 404 || status === 405 || method === 'OPTIONS') return 'none'
  const path = new URL(url).pathname
  const name = /^\/api\/v1\/(.*)$/.exec(path)?.[1] ?? path.replace(/^\/(-\/)?/, '')
  return /^label\/.*\/values$/.test(name) ? 'label_values' : name.replaceAll('/', '_')
}

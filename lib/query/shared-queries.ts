/** Identical requests at the same time are one: the first is run, the others wait for it. */
import type { QueryBackend, QueryCost } from '#lib/promql/backend.ts'
import { requestKey } from './cache-key.ts'
import { Flights, type Joined } from '#lib/storage/flights.ts'

/** The cost of one who waited: nothing but the answer of the other. */
function waited({ steps }: QueryCost): QueryCost {
  return {
    slices: 0,
    invokes: 0,
    gets: 0,
    lists: 0,
    puts: 0,
    bytes: 0,
    functionMs: 0,
    functionGbSeconds: 0,
    steps,
    cachedSteps: 0,
    shared: true,
    usd: 0,
  }
}

export function sharedQueries(inner: QueryBackend): QueryBackend {
  const queries = new Flights<Awaited<ReturnType<QueryBackend['query']>>>()
  const labels = new Flights<Awaited<ReturnType<QueryBackend['labelValues']>>>()
  const series = new Flights<Awaited<ReturnType<QueryBackend['series']>>>()
  return {
    ...inner,
    async query(request, signal) {
      const run = (own: AbortSignal) => inner.query(request, own)
      return ofOne(await queries.join(requestKey(request), run, signal))
    },
    async labelNames(request, scope, signal) {
      const run = (own: AbortSignal) => inner.labelNames(request, scope, own)
      return ofOne(await labels.join(requestKey({ request, scope }), run, signal))
    },
    async labelValues(name, request, scope, signal) {
      const run = (own: AbortSignal) => inner.labelValues(name, request, scope, own)
      return ofOne(await labels.join(requestKey({ name, request, scope }), run, signal))
    },
    async series(request, scope, signal) {
      const run = (own: AbortSignal) => inner.series(request, scope, own)
      return ofOne(await series.join(requestKey({ request, scope }), run, signal))
    },
  }
}

function ofOne<T extends { readonly cost?: QueryCost | undefined }>({
  answer,
  first,
}: Joined<T>): T {
  return first || !answer.cost ? answer : { ...answer, cost: waited(answer.cost) }
}

/** Identical requests at the same time are one: the first is run, the others wait for it. */
import type { QueryBackend, QueryCost } from '#lib/promql/backend.ts'
import { requestKey } from './cache-key.ts'

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

interface Joined<T> {
  readonly answer: T
  /** Did the work. */
  readonly first: boolean
}

function ofOne<T extends { readonly cost?: QueryCost | undefined }>({
  answer,
  first,
}: Joined<T>): T {
  return first || !answer.cost ? answer : { ...answer, cost: waited(answer.cost) }
}

interface Flight<T> {
  readonly answer: Promise<T>
  readonly controller: AbortController
  waiting: number
}

/** Work by key while it runs. It ends early only when all who wait for it have gone. */
class Flights<T> {
  readonly #flights = new Map<string, Flight<T>>()

  /** Rejects with the signal's reason as soon as it aborts, whatever becomes of the work. */
  async join(
    key: string,
    run: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<Joined<T>> {
    signal?.throwIfAborted()
    const running = this.#flights.get(key)
    const flight = running ?? this.#start(key, run)
    flight.waiting++
    const leave = (): void => {
      flight.waiting--
      if (flight.waiting > 0) return
      this.#forget(key, flight)
      flight.controller.abort(signal?.reason)
    }
    return { answer: await untilAborted(flight.answer, signal, leave), first: !running }
  }

  #start(key: string, run: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController()
    const flight = { answer: run(controller.signal), controller, waiting: 0 }
    this.#flights.set(key, flight)
    const forget = (): void => this.#forget(key, flight)
    flight.answer.then(forget, forget)
    return flight
  }

  #forget(key: string, flight: Flight<T>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }
}

function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  leave: () => void,
): Promise<T> {
  if (!signal) return work
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      leave()
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

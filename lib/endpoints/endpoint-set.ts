/** The endpoints there are and how they are: asked for Info again and again, as Thanos's querier does. */
import { infoRequest, infoResponse, type InfoResponse } from '#lib/grpc/info-messages.ts'
import { infoService } from '#lib/grpc/services.ts'
import type { GrpcClient } from '#lib/grpc/client.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { StoreStatus } from '#lib/storage/inventory.ts'
import type { Source } from '#lib/storage/source.ts'
import type { SeriesSource } from '#lib/store/series-source.ts'
import { type Endpoint, labelSetsOf } from './endpoint.ts'
import type { EndpointSpec } from './endpoint-list.ts'
import { knowledgeSource } from './knowledge-source.ts'
import { storeSource, type StoreSourceSettings } from './store-source.ts'

export interface EndpointSetOptions extends StoreSourceSettings {
  readonly list: () => Promise<readonly EndpointSpec[]>
  /** How often the list is read. */
  readonly listEveryMs: number
  /** How often Info is asked, and how long it may take. */
  readonly infoEveryMs: number
  /** `--store.unhealthy-timeout`: who answered no Info for so long is asked nothing more. */
  readonly unhealthyMs: number
  readonly now: () => number
  readonly log: (message: string) => void
}

/** Thanos's defaults. */
export const DEFAULT_ENDPOINT_SETTINGS = {
  responseTimeoutMs: 0,
  listEveryMs: 30_000,
  infoEveryMs: 5000,
  unhealthyMs: 300_000,
  maxBytes: 1024 ** 3,
}

interface Tracked {
  spec: EndpointSpec
  readonly client: GrpcClient
  info: InfoResponse | undefined
  lastError: string | undefined
  lastCheckMs: number
  /** When it answered last; before that, when it was first seen. */
  healthyMs: number
  /** An Info that is under way. */
  checking: Promise<void> | undefined
}

/** Calls that are under way when an endpoint goes get so long to end. */
const CLOSE_AFTER_MS = 120_000

export class EndpointSet {
  readonly #options: EndpointSetOptions
  #endpoints = new Map<string, Tracked>()
  #updating: Promise<void> | undefined
  #updatedMs = -Infinity
  #listedMs = -Infinity

  constructor(options: EndpointSetOptions) {
    this.#options = options
  }

  /** Reads the list when it is time, then asks all for Info. Rejects with what is wrong in the configuration the first time. */
  update(): Promise<void> {
    this.#updating ??= this.#update().finally(() => {
      this.#updating = undefined
    })
    return this.#updating
  }

  /** Updates until the signal aborts. Whoever has no time of its own between requests needs it not: `sources` updates what is old. */
  async run(signal: AbortSignal): Promise<void> {
    const { infoEveryMs, log } = this.#options
    while (!signal.aborted) {
      await this.update().catch((error: Error) => log(error.message))
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, infoEveryMs)
        function done(): void {
          clearTimeout(timer)
          signal.removeEventListener('abort', done)
          resolve()
        }
        signal.addEventListener('abort', done)
      })
    }
  }

  /** Those that can be asked for series. Who went away lately is among them and fails: half an answer says that it is half. */
  async sources(): Promise<SeriesSource[]> {
    await this.#refresh()
    return this.#asked().flatMap((endpoint) => storeSource(endpoint, this.#options) ?? [])
  }

  /** Those that know rules, targets, metadata or exemplars. */
  async knowledge(): Promise<Source[]> {
    await this.#refresh()
    return this.#asked().map((endpoint) => knowledgeSource(endpoint, this.#options))
  }

  /** All, by address. */
  async statuses(): Promise<StoreStatus[]> {
    await this.#refresh()
    return [...this.#endpoints.values()]
      .map((tracked) => {
        const { info, lastCheckMs, lastError } = tracked
        return {
          address: tracked.spec.address,
          componentType: info?.componentType || 'unknown',
          lastCheckMs,
          lastError,
          labelSets: labelSetsOf(this.#endpointOf(tracked)),
          minTimeMs: info?.store?.minTime ?? -Infinity,
          maxTimeMs: info?.store?.maxTime ?? Infinity,
        }
      })
      .sort((a, b) => (a.address < b.address ? -1 : 1))
  }

  close(): void {
    for (const { client } of this.#endpoints.values()) client.close()
    this.#endpoints.clear()
  }

  async #refresh(): Promise<void> {
    const { now, infoEveryMs } = this.#options
    if (now() - this.#updatedMs > 3 * infoEveryMs) await this.update()
  }

  #asked(): Endpoint[] {
    const { now, unhealthyMs } = this.#options
    const nowMs = now()
    return [...this.#endpoints.values()]
      .filter(({ spec, lastError, healthyMs }) => {
        return spec.strict || lastError === undefined || nowMs - healthyMs < unhealthyMs
      })
      .map((tracked) => this.#endpointOf(tracked))
  }

  #endpointOf({ spec, client, info, lastError }: Tracked): Endpoint {
    return { address: spec.address, strict: spec.strict, client, info, lastError }
  }

  async #update(): Promise<void> {
    const { now, list, listEveryMs } = this.#options
    const nowMs = now()
    if (nowMs - this.#listedMs >= listEveryMs) {
      this.#take(await list(), nowMs)
      this.#listedMs = nowMs
    }
    await Promise.all(
      [...this.#endpoints.values()].map((tracked) => {
        const { lastError } = tracked
        const checking = (tracked.checking ??= this.#check(tracked).finally(() => {
          tracked.checking = undefined
        }))
        if (lastError === undefined) return checking
        // Nobody waits for one that is known to be away.
        checking.catch((error: unknown) => this.#options.log(String(error)))
        return Promise.resolve()
      }),
    )
    this.#updatedMs = now()
  }

  #take(specs: readonly EndpointSpec[], nowMs: number): void {
    const before = this.#endpoints
    this.#endpoints = new Map()
    for (const spec of specs) {
      const known = before.get(spec.address)
      if (known?.spec.key === spec.key) {
        before.delete(spec.address)
        known.spec = spec
        this.#endpoints.set(spec.address, known)
        continue
      }
      this.#endpoints.set(spec.address, {
        info: undefined,
        lastError: undefined,
        lastCheckMs: nowMs,
        healthyMs: nowMs,
        ...known,
        checking: undefined,
        spec,
        client: spec.connect(),
      })
    }
    for (const { client } of before.values())
      setTimeout(() => client.close(), CLOSE_AFTER_MS).unref()
  }

  async #check(tracked: Tracked): Promise<void> {
    const { now, infoEveryMs, log } = this.#options
    const { spec, client } = tracked
    try {
      const body = infoRequest.encode({})
      const answer = await client.unary(infoService.info, { body, timeoutMs: infoEveryMs })
      tracked.info = infoResponse.decode(answer)
      tracked.healthyMs = now()
      if (tracked.lastError !== undefined) log(`endpoint ${spec.address} answers again`)
      tracked.lastError = undefined
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      if (tracked.lastError === undefined) log(`endpoint ${spec.address}: ${error.message}`)
      tracked.lastError = error.message
    }
    tracked.lastCheckMs = now()
  }
}

/** The agent's services over fake Prometheuses, and a client of them. */
import type { Client } from '@grpc/grpc-js'
import { OwnLabelNames } from '#agent/store-api/own-label-names.ts'
import type { SelectLimits } from '#agent/store-api/series.ts'
import { storeApiServices } from '#agent/store-api/services.ts'
import { SortBudget } from '#agent/store-api/sort-budget.ts'
import type { PrometheusUnit } from '#agent/run-prometheus.ts'
import type { GrpcService } from '#lib/grpc/calls.ts'
import type { Message } from '#lib/grpc/message.ts'
import { decodeSeriesResponse, type SeriesResponse } from '#lib/grpc/series-messages.ts'
import { type BytesMethod, storeService } from '#lib/grpc/services.ts'
import { type SeriesRequest, seriesRequest } from '#lib/grpc/store-messages.ts'
import { formatLabels } from '#lib/model/labels.ts'
import { all, ask, connect, startServer } from '#test/grpc/running-server.ts'

export interface StoreApiClient {
  readonly client: Client
  readonly dropped: string[]
  readonly unary: <Q, R>(
    method: BytesMethod,
    request: Message<Q>,
    response: Message<R>,
    q: Partial<Q>,
  ) => Promise<R>
  readonly stream: <Q, R>(
    method: BytesMethod,
    request: Message<Q>,
    response: Message<R>,
    q: Partial<Q>,
  ) => Promise<R[]>
  readonly series: (request: Partial<SeriesRequest>) => Promise<SeriesResponse[]>
}

export interface ClientOptions {
  readonly limits?: SelectLimits
  readonly sortBytes?: number
  readonly now?: () => number
}

export function servicesOver(
  units: readonly PrometheusUnit[],
  {
    limits = { series: 0, samples: 0 },
    sortBytes = 1e6,
    now = () => performance.now(),
  }: ClientOptions = {},
  onDropped: (reason: string) => void = () => undefined,
): readonly GrpcService[] {
  return storeApiServices({
    units: () => units,
    limits,
    ownLabelNames: new OwnLabelNames(now),
    budget: new SortBudget(sortBytes),
    onDropped,
  })
}

export async function storeApiOver(
  units: readonly PrometheusUnit[],
  options: ClientOptions = {},
): Promise<StoreApiClient> {
  const dropped: string[] = []
  const services = servicesOver(units, options, (reason) => dropped.push(reason))
  const client = connect((await startServer(services)).port)
  return {
    client,
    dropped,
    unary: async (method, request, response, q) =>
      response.decode(await ask(client, method, request.encode(q))),
    stream: async (method, request, response, q) =>
      (await all(client, method, request.encode(q))).map((frame) => response.decode(frame)),
    series: async (q) =>
      (await all(client, storeService.series, seriesRequest.encode({ ...EVERYTHING, ...q }))).map(
        decodeSeriesResponse,
      ),
  }
}

const EVERYTHING: Partial<SeriesRequest> = {
  minTime: -Infinity,
  maxTime: Infinity,
  matchers: [{ type: '=~', name: '__name__', value: '.+' }],
}

/** Labels of all frames, as text. */
export function labelsOf(frames: readonly SeriesResponse[]): string[] {
  return frames.flatMap(({ series }) => series.map(({ labels }) => formatLabels(labels)))
}

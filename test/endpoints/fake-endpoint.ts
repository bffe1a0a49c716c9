/** A StoreAPI whose answers a test writes; ends with it. */
import { onTestFinished } from 'vitest'
import {
  type FrameSink,
  type GrpcCall,
  type GrpcMethod,
  serverStream,
  unary,
} from '#lib/grpc/calls.ts'
import { NO_TLS } from '#lib/grpc/client-tls.ts'
import {
  exemplarsRequest,
  exemplarsResponse,
  type ExemplarsRequest,
  type ExemplarsResponse,
} from '#lib/grpc/exemplars-messages.ts'
import { infoRequest, infoResponse, type InfoResponse } from '#lib/grpc/info-messages.ts'
import {
  metricMetadataRequest,
  metricMetadataResponse,
  type MetricMetadataRequest,
  type MetricMetadataResponse,
} from '#lib/grpc/metadata-messages.ts'
import {
  rulesRequest,
  rulesResponse,
  type RulesRequest,
  type RulesResponse,
} from '#lib/grpc/rules-messages.ts'
import { encodeSeriesResponse, type SeriesResponse } from '#lib/grpc/series-messages.ts'
import { type GrpcServerOptions, startGrpcServer } from '#lib/grpc/server.ts'
import * as services from '#lib/grpc/services.ts'
import {
  tsdbStatisticsRequest,
  tsdbStatisticsResponse,
  type TsdbStatisticsRequest,
  type TsdbStatisticsResponse,
} from '#lib/grpc/status-messages.ts'
import {
  labelNamesRequest,
  type LabelNamesRequest,
  type LabelNamesResponse,
  labelNamesResponse,
  labelValuesRequest,
  type LabelValuesRequest,
  type LabelValuesResponse,
  labelValuesResponse,
  type SeriesRequest,
  seriesRequest,
} from '#lib/grpc/store-messages.ts'
import {
  targetsRequest,
  targetsResponse,
  type TargetsRequest,
  type TargetsResponse,
} from '#lib/grpc/targets-messages.ts'
import { EndpointList, type EndpointListOptions } from '#lib/endpoints/endpoint-list.ts'
import {
  DEFAULT_ENDPOINT_SETTINGS,
  EndpointSet,
  type EndpointSetOptions,
} from '#lib/endpoints/endpoint-set.ts'

export interface FakeAnswers {
  info?: () => Promise<Partial<InfoResponse>>
  series?: (request: SeriesRequest, call: GrpcCall, sink: FrameSink) => Promise<void>
  labelNames?: (request: LabelNamesRequest) => Promise<Partial<LabelNamesResponse>>
  labelValues?: (request: LabelValuesRequest) => Promise<Partial<LabelValuesResponse>>
  rules?: (request: RulesRequest) => readonly Partial<RulesResponse>[]
  targets?: (request: TargetsRequest) => readonly Partial<TargetsResponse>[]
  metadata?: (request: MetricMetadataRequest) => readonly Partial<MetricMetadataResponse>[]
  exemplars?: (request: ExemplarsRequest) => readonly Partial<ExemplarsResponse>[]
  status?: (request: TsdbStatisticsRequest) => readonly Partial<TsdbStatisticsResponse>[]
}

export interface FakeEndpoint {
  readonly address: string
  readonly stop: () => Promise<void>
}

export const SIDECAR: Partial<InfoResponse> = {
  componentType: 'sidecar',
  labelSets: [['cluster', 'a']],
  store: {
    minTime: 0,
    maxTime: 2 ** 53,
    supportsSharding: true,
    supportsWithoutReplicaLabels: true,
    tsdbInfos: [],
    supportsProjections: false,
  },
}

/** The answers may be changed while it runs. */
export async function fakeEndpoint(
  answers: FakeAnswers,
  options: Partial<GrpcServerOptions> = {},
): Promise<FakeEndpoint> {
  const told =
    <Request, T>(
      give: ((request: Request) => readonly Partial<T>[]) | undefined,
      codec: { encode(message: Partial<T>): Uint8Array },
    ) =>
    async (request: Request, _: GrpcCall, sink: FrameSink): Promise<void> => {
      for (const message of give?.(request) ?? []) await sink.write(codec.encode(message))
    }
  const methods: [string, GrpcMethod][] = [
    [
      services.SERVICE_NAMES.info,
      unary(
        services.infoService.info,
        infoRequest,
        infoResponse,
        async () => (await answers.info?.()) ?? SIDECAR,
      ),
    ],
    [
      services.SERVICE_NAMES.store,
      serverStream(services.storeService.series, seriesRequest, async (request, call, sink) =>
        answers.series?.(request, call, sink),
      ),
    ],
    [
      services.SERVICE_NAMES.store,
      unary(
        services.storeService.labelNames,
        labelNamesRequest,
        labelNamesResponse,
        async (request) => (await answers.labelNames?.(request)) ?? {},
      ),
    ],
    [
      services.SERVICE_NAMES.store,
      unary(
        services.storeService.labelValues,
        labelValuesRequest,
        labelValuesResponse,
        async (request) => (await answers.labelValues?.(request)) ?? {},
      ),
    ],
    [
      services.SERVICE_NAMES.rules,
      serverStream(services.rulesService.rules, rulesRequest, told(answers.rules, rulesResponse)),
    ],
    [
      services.SERVICE_NAMES.targets,
      serverStream(
        services.targetsService.targets,
        targetsRequest,
        told(answers.targets, targetsResponse),
      ),
    ],
    [
      services.SERVICE_NAMES.metadata,
      serverStream(
        services.metadataService.metricMetadata,
        metricMetadataRequest,
        told(answers.metadata, metricMetadataResponse),
      ),
    ],
    [
      services.SERVICE_NAMES.exemplars,
      serverStream(
        services.exemplarsService.exemplars,
        exemplarsRequest,
        told(answers.exemplars, exemplarsResponse),
      ),
    ],
  ]
  methods.push([
    services.SERVICE_NAMES.status,
    serverStream(
      services.statusService.tsdbStatistics,
      tsdbStatisticsRequest,
      told(answers.status, tsdbStatisticsResponse),
    ),
  ])
  const byName = Map.groupBy(methods, ([name]) => name)
  const server = await startGrpcServer(
    { address: '127.0.0.1:0', ...options },
    [...byName].map(([name, all]) => ({ name, methods: all.map(([, one]) => one) })),
  )
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= server.stop(0))
  onTestFinished(stop)
  return { address: `127.0.0.1:${server.port}`, stop }
}

/** Frames one after the other. */
export function answering(
  ...frames: readonly (Partial<SeriesResponse> | Uint8Array)[]
): NonNullable<FakeAnswers['series']> {
  return async (_, __, sink) => {
    for (const frame of frames) {
      const bytes =
        frame instanceof Uint8Array ? frame.slice() : encodeSeriesResponse({ series: [], ...frame })
      await sink.write(bytes)
    }
  }
}

interface EndpointsOver extends Partial<EndpointSetOptions> {
  readonly list?: never
  readonly strict?: boolean
  readonly listOptions?: Partial<EndpointListOptions>
}

/** The endpoints of some addresses; never resolved anew. */
export function endpointsOf(
  addresses: readonly string[],
  { strict = false, listOptions, ...over }: EndpointsOver = {},
): EndpointSet {
  const list = new EndpointList({
    endpoints: addresses.map((address) => ({ address, strict, group: false })),
    tls: NO_TLS,
    files: [],
    resolver: { addresses: async () => [], services: async () => [] },
    log: () => undefined,
    ...listOptions,
  })
  const set = new EndpointSet({
    ...DEFAULT_ENDPOINT_SETTINGS,
    infoEveryMs: 2000,
    list: () => list.read(),
    now: Date.now,
    log: () => undefined,
    ...over,
  })
  onTestFinished(() => set.close())
  return set
}

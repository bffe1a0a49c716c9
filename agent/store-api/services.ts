/** Thanos's services over the Prometheuses of an agent. */
import { type FrameSink, type GrpcService, serverStream, unary } from '#lib/grpc/calls.ts'
import { exemplarsRequest, exemplarsResponse } from '#lib/grpc/exemplars-messages.ts'
import { infoRequest, infoResponse } from '#lib/grpc/info-messages.ts'
import { metricMetadataRequest, metricMetadataResponse } from '#lib/grpc/metadata-messages.ts'
import { rulesRequest, rulesResponse } from '#lib/grpc/rules-messages.ts'
import * as services from '#lib/grpc/services.ts'
import {
  type TsdbStatisticsEntry,
  tsdbStatisticsRequest,
  tsdbStatisticsResponse,
} from '#lib/grpc/status-messages.ts'
import * as store from '#lib/grpc/store-messages.ts'
import { targetsRequest, targetsResponse } from '#lib/grpc/targets-messages.ts'
import { labelValue } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import type { PrometheusUnit } from '../run-prometheus.ts'
import { exemplarsOf } from './exemplars.ts'
import { infoOf } from './info.ts'
import { labelNames, labelValues } from './label-answers.ts'
import { metadataOf } from './metadata.ts'
import { askAll, externalLabelsOf, knownUnits } from './per-prometheus.ts'
import { rulesOf } from './rules.ts'
import { type SelectParts, writeSeries } from './series.ts'
import { statisticsOf } from './statistics.ts'
import { targetsOf } from './targets.ts'

export interface StoreApiParts extends SelectParts {
  /** The Prometheuses of this moment. */
  readonly units: () => readonly PrometheusUnit[]
}

export function storeApiServices(parts: StoreApiParts): readonly GrpcService[] {
  const units = (): readonly PrometheusUnit[] => knownUnits(parts.units())
  const { SERVICE_NAMES: names } = services

  /** A frame for each answer and each warning. */
  async function stream<T>(
    strategy: store.PartialResponseStrategy,
    ask: (unit: PrometheusUnit) => Promise<readonly T[]>,
    encode: (answer: { readonly data?: T; readonly warning?: string }) => Uint8Array,
    sink: FrameSink,
    asked = units(),
  ): Promise<void> {
    const { answers, warnings } = await askAll(asked, strategy, ask)
    for (const data of answers.flat()) await sink.write(encode({ data }))
    for (const warning of warnings) await sink.write(encode({ warning }))
  }

  return [
    {
      name: names.store,
      methods: [
        serverStream(services.storeService.series, store.seriesRequest, (request, call, sink) =>
          writeSeries(units(), request, parts, call.signal, sink),
        ),
        unary(
          services.storeService.labelNames,
          store.labelNamesRequest,
          store.labelNamesResponse,
          async (request, { signal }) => {
            const { texts, warnings } = await labelNames(units(), request, signal)
            return { names: texts, warnings }
          },
        ),
        unary(
          services.storeService.labelValues,
          store.labelValuesRequest,
          store.labelValuesResponse,
          async (request, { signal }) => {
            const { texts, warnings } = await labelValues(units(), request, signal)
            return { values: texts, warnings }
          },
        ),
      ],
    },
    {
      name: names.info,
      methods: [
        unary(services.infoService.info, infoRequest, infoResponse, async () =>
          infoOf(parts.units()),
        ),
      ],
    },
    {
      name: names.rules,
      methods: [
        serverStream(services.rulesService.rules, rulesRequest, async (request, call, sink) =>
          stream(
            request.partialResponseStrategy,
            (unit) => rulesOf(unit, request.type, call.signal),
            ({ data: group, warning }) => rulesResponse.encode({ group, warning }),
            sink,
          ),
        ),
      ],
    },
    {
      name: names.targets,
      methods: [
        serverStream(services.targetsService.targets, targetsRequest, async (request, call, sink) =>
          stream(
            request.partialResponseStrategy,
            async (unit) => [await targetsOf(unit, request.state, call.signal)],
            ({ data: targets, warning }) => targetsResponse.encode({ targets, warning }),
            sink,
          ),
        ),
      ],
    },
    {
      name: names.metadata,
      methods: [
        serverStream(
          services.metadataService.metricMetadata,
          metricMetadataRequest,
          async (request, call, sink) =>
            stream(
              request.partialResponseStrategy,
              async (unit) => [await metadataOf(unit, request, call.signal)],
              ({ data: metadata, warning }) => metricMetadataResponse.encode({ metadata, warning }),
              sink,
            ),
        ),
      ],
    },
    {
      name: names.exemplars,
      methods: [
        serverStream(
          services.exemplarsService.exemplars,
          exemplarsRequest,
          async (request, call, sink) =>
            stream(
              request.partialResponseStrategy,
              (unit) => exemplarsOf(unit, request, call.signal),
              ({ data, warning }) => exemplarsResponse.encode({ data, warning }),
              sink,
            ),
        ),
      ],
    },
    {
      name: names.status,
      methods: [
        serverStream(
          services.statusService.tsdbStatistics,
          tsdbStatisticsRequest,
          async (request, call, sink) => {
            const asked = units().filter((unit) => hasLabels(unit, request.matchers))
            // Nothing of nobody is an answer too.
            if (asked.length === 0) await sink.write(statisticsFrame(new Map()))
            await stream(
              request.partialResponseStrategy,
              async (unit) => [await statisticsOf(unit, request.limit, call.signal)],
              ({ data, warning }) =>
                warning === undefined
                  ? statisticsFrame(new Map([['', data!]]))
                  : tsdbStatisticsResponse.encode({ warning }),
              sink,
              asked,
            )
          },
        ),
      ],
    },
  ]
}

function statisticsFrame(statistics: ReadonlyMap<string, TsdbStatisticsEntry>): Uint8Array {
  return tsdbStatisticsResponse.encode({ statistics: { statistics } })
}

/** Here a label that is not an external one is empty. */
function hasLabels(unit: PrometheusUnit, matchers: readonly Matcher[]): boolean {
  const labels = externalLabelsOf(unit)
  return matchers.every((matcher) =>
    compileMatcher(matcher).matches(labelValue(labels, matcher.name)),
  )
}

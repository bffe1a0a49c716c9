/** Requests of `thanos.Store`, and their answers in a form that two stores can be compared in. */
import type { Client } from '@grpc/grpc-js'
import { decodeSeriesResponse } from '#lib/grpc/series-messages.ts'
import { storeService } from '#lib/grpc/services.ts'
import {
  type LabelNamesRequest,
  labelNamesRequest,
  labelNamesResponse,
  type LabelValuesRequest,
  labelValuesRequest,
  labelValuesResponse,
  type SeriesRequest,
  seriesRequest,
} from '#lib/grpc/store-messages.ts'
import { formatLabels } from '#lib/model/labels.ts'
import type { Matcher, MatchType } from '#lib/model/matcher.ts'
import { all, ask } from '#test/grpc/running-server.ts'

function match(name: string, type: MatchType, value: string): Matcher {
  return { name, type, value }
}

const MADE = match('__name__', '=~', 'constant|counter_total|extreme|gauge|single|uneven')
const HISTOGRAMS = match('__name__', '=~', 'histogram|float_histogram|gauge_histogram|flapping')
/** Labels alone: a sidecar leaves replica labels that a series has itself, and says a series several times. */
const LABELS_ONLY = [match('__name__', '=~', 'app|up|requests_total'), match('zone', '!=', '')]

/** Where samples are asked for, of series that nobody writes to any more. */
export const STORE_REQUESTS: readonly (readonly [string, Partial<SeriesRequest>])[] = [
  ['floats', { matchers: [MADE] }],
  ['histograms', { matchers: [HISTOGRAMS] }],
  ['without the replica label', { matchers: [MADE], withoutReplicaLabels: ['replica'] }],
  [
    'without labels of the series',
    { matchers: [MADE], withoutReplicaLabels: ['replica', 'job', 'nope'] },
  ],
  ['in batches', { matchers: [MADE], responseBatchSize: 4 }],
  ['matching external labels', { matchers: [MADE, match('cluster', '=~', 'e.')] }],
  ['not matching external labels', { matchers: [MADE, match('replica', '!=', 'a')] }],
  ['matching nothing', { matchers: [match('__name__', '=', 'nope')] }],
  ['with a hole in it', { matchers: [MADE, match('path', '=', '')] }],
  ...[0, 1, 2].map(
    (shardIndex) =>
      [
        `shard ${shardIndex}`,
        {
          matchers: [MADE],
          shardInfo: { shardIndex, totalShards: 3, by: true, labels: ['__name__', 'job'] },
        },
      ] as const,
  ),
  [
    'a shard without labels',
    {
      matchers: [HISTOGRAMS],
      withoutReplicaLabels: ['replica'],
      shardInfo: { shardIndex: 1, totalShards: 2, by: false, labels: ['job'] },
    },
  ],
  ['labels only', { matchers: LABELS_ONLY, skipChunks: true }],
  [
    'labels only, without replica label',
    { matchers: LABELS_ONLY, skipChunks: true, withoutReplicaLabels: ['replica'] },
  ],
]

/** Series in the order of their frames, pieces of one joined: labels, then times, encodings and bytes of chunks. */
export async function seriesOf(
  client: Client,
  request: Partial<SeriesRequest>,
  nowMs: number,
): Promise<readonly string[]> {
  const bytes = seriesRequest.encode({ minTime: 0, maxTime: nowMs, ...request })
  const found: string[] = []
  for (const frame of await all(client, storeService.series, bytes)) {
    for (const { labels, chunks } of decodeSeriesResponse(frame).series) {
      const texts = chunks.map(({ minTimeMs, maxTimeMs, raw }) => {
        const data = Buffer.from(raw!.data).toString('base64')
        return `${minTimeMs}-${maxTimeMs} ${raw!.encoding} ${data}`
      })
      found.push([formatLabels(labels), ...texts].join('\n'))
    }
  }
  return found
}

export async function labelNamesOf(
  client: Client,
  request: Partial<LabelNamesRequest>,
): Promise<readonly string[]> {
  const answer = await ask(client, storeService.labelNames, labelNamesRequest.encode(request))
  return labelNamesResponse.decode(answer).names
}

export async function labelValuesOf(
  client: Client,
  request: Partial<LabelValuesRequest>,
): Promise<readonly string[]> {
  const answer = await ask(client, storeService.labelValues, labelValuesRequest.encode(request))
  return labelValuesResponse.decode(answer).values
}

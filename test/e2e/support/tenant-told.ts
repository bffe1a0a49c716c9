/** What tenants have beside blocks: fresh blocks with exemplars and metadata, and a source of rules and targets. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { compareLabels, labelsFrom, type Labels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { ZERO_TIME } from '#lib/model/precise-time.ts'
import type { Alert, Rule, RuleGroup } from '#lib/storage/rules.ts'
import type { Source } from '#lib/storage/source.ts'
import type { ActiveTarget } from '#lib/storage/targets.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { putPack } from '#test/store/put-pack.ts'

export interface TenantSeries {
  readonly labels: Labels
  readonly samples: SampleColumns
}

/** Each series with an exemplar, and metadata that say `word`. */
export async function putTenantPack(
  bucket: Bucket,
  external: Readonly<Record<string, string>>,
  series: readonly TenantSeries[],
  words: readonly string[],
): Promise<void> {
  const sorted = series.toSorted((a, b) => compareLabels(a.labels, b.labels))
  await putPack(
    bucket,
    { from: 0, to: 1, external },
    {
      series: sorted.map(({ labels, samples }) => ({ labels, chunks: encodeChunks(samples) })),
      exemplars: sorted.map(({ labels, samples }) => ({
        labels,
        timestampMs: samples.timestamps[5]!,
        value: 1,
        exemplarLabels: labelsFrom({ trace_id: labels.join('-') }),
      })),
      metadata: words.map((word) => ({
        metric: 'up',
        type: 'gauge',
        help: `What ${word} has.`,
        unit: '',
      })),
    },
  )
}

/** Of each tenant by its word: rules in a group of all and in one of its own, targets, and what nobody says whose it is. */
export function tenantSource(words: ReadonlyMap<string, string>): Source {
  const all = [...words]
  const groups: RuleGroup[] = [
    group(
      'shared',
      all.flatMap(([tenant, word]) => rules(tenant, word)),
    ),
    ...all.map(([tenant, word]) => group(word, rules(tenant, word))),
    group('nobody', rules('', all.at(-1)![1])),
  ]
  return {
    name: 'source',
    rules: async () => ({ value: groups, warnings: [] }),
    targets: async () => ({
      value: {
        active: all.flatMap(([tenant, word]) => [target(tenant, word), target('', word)]),
        dropped: all.map(([tenant, word]) => ({
          discoveredLabels: labelsFrom({ __address__: word, tenant_id: tenant }),
          scrapePool: 'shared',
        })),
        droppedCounts: new Map(all.map(([, word]) => [word, 3])),
      },
      warnings: [],
    }),
  }
}

function group(name: string, rulesOfGroup: readonly Rule[]): RuleGroup {
  return {
    name,
    file: 'rules.yml',
    rules: rulesOfGroup,
    intervalSeconds: 15,
    limit: 0,
    evaluationSeconds: 0.5,
    lastEvaluation: ZERO_TIME,
  }
}

function rules(tenant: string, word: string): Rule[] {
  const any = {
    query: word,
    labels: labelsFrom({ tenant_id: tenant, word }),
    health: 'ok',
    lastError: '',
    evaluationSeconds: 0.25,
    lastEvaluation: ZERO_TIME,
  }
  const alert = (labels: Record<string, string>): Alert => ({
    labels: labelsFrom(labels),
    annotations: [],
    state: 'firing',
    value: '1e+00',
  })
  return [
    { type: 'recording', name: `${word}:rule`, ...any },
    {
      type: 'alerting',
      name: 'Down',
      ...any,
      state: 'firing',
      holdSeconds: 0,
      keepFiringSeconds: 0,
      annotations: labelsFrom({ summary: word }),
      alerts: [alert({ tenant_id: tenant, word }), alert({ word: 'whose?' })],
    },
  ]
}

function target(tenant: string, word: string): ActiveTarget {
  return {
    discoveredLabels: labelsFrom({ __address__: `${word}:1` }),
    labels: labelsFrom({ job: word, tenant_id: tenant }),
    scrapePool: word,
    scrapeUrl: `http://${word}:1/metrics`,
    globalUrl: `http://${word}:1/metrics`,
    lastError: '',
    lastScrape: ZERO_TIME,
    lastScrapeSeconds: 0,
    health: 'up',
    scrapeInterval: '15s',
    scrapeTimeout: '10s',
  }
}

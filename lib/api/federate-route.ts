/** `/federate`: the newest sample of each series, as another Prometheus scrapes it. */
import { contentTypeOf, negotiateFormat, type ExpositionFormat } from '#lib/exposition/format.ts'
import type { Metric, MetricFamily, MetricType } from '#lib/exposition/family.ts'
import { familyProtobuf } from '#lib/exposition/protobuf.ts'
import { familyText } from '#lib/exposition/text.ts'
import { DomainError, LimitError } from '#lib/model/errors.ts'
import { CUSTOM_BUCKETS_SCHEMA } from '#lib/model/histogram.ts'
import {
  compareUtf8,
  labelsKey,
  labelValue,
  METRIC_NAME,
  withoutLabels,
  type Labels,
} from '#lib/model/labels.ts'
import { isStale, type SampleColumns } from '#lib/model/samples.ts'
import { parseMetricSelector } from '#lib/promql/parse/parse.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'
import type { Answer } from './answer.ts'
import { timeoutMs, type Call } from './call.ts'
import { withDeadline } from '#lib/promql/deadline.ts'
import { readWholeScope } from './scope-params.ts'

interface NewestSample extends Metric {
  readonly name: string
}

export async function federate(call: Call): Promise<Answer> {
  const { form, parts } = call
  if (form.flaw !== undefined) {
    throw new DomainError('invalid', `error parsing form values: ${form.flaw}`)
  }
  const matcherSets = form.all('match[]').map((text) => parseMetricSelector(text))
  const format = negotiateFormat(call.request.headers.get('accept') ?? '')
  const endMs = parts.now()
  const startMs = endMs - parts.engine.lookbackMs
  const scope = readWholeScope(call)
  const sets = await withDeadline(timeoutMs(call), call.client, (signal) =>
    Promise.all(
      matcherSets.map((matchers) =>
        parts.backend.select({ matchers, startMs, endMs, hints: NO_HINTS }, scope, signal),
      ),
    ),
  )
  const newest = new Map<string, NewestSample>()
  for (const set of sets) {
    for (const [i, labels] of set.labels.entries()) {
      const key = labelsKey(labels)
      const sample = newest.has(key) ? undefined : newestOf(labels, set.samples(i))
      if (sample !== undefined) newest.set(key, sample)
    }
  }
  const body = writeFamilies([...newest.values()], format, parts.limits.maxAnswerBytes)
  return { status: 200, contentType: contentTypeOf(format), body, cacheable: true }
}

/** None where it is stale, or where the series has no name. */
function newestOf(labels: Labels, samples: SampleColumns): NewestSample | undefined {
  const last = samples.length - 1
  const name = labelValue(labels, METRIC_NAME)
  if (last < 0 || name === '' || isStale(samples.values, last)) return undefined
  const rest = withoutLabels(labels, NAME_ONLY)
  return {
    name,
    // So that the scraper does not add the instance of this server.
    labels: labelValue(rest, 'instance') === '' ? [...rest, 'instance', ''] : rest,
    timestampMs: samples.timestamps[last]!,
    value: samples.values[last]!,
    histogram: samples.histograms?.at(last),
  }
}

const NAME_ONLY: ReadonlySet<string> = new Set([METRIC_NAME])

function writeFamilies(
  samples: readonly NewestSample[],
  { type, escaping }: ExpositionFormat,
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  // Only protobuf has a form for native histograms; custom buckets can be classic ones.
  const written = samples.filter(
    ({ histogram }) =>
      type === 'protobuf' || histogram === undefined || histogram.schema === CUSTOM_BUCKETS_SCHEMA,
  )
  const pieces: Uint8Array[] = []
  let size = 0
  for (const family of familiesOf(written)) {
    const piece =
      type === 'protobuf'
        ? familyProtobuf(family, escaping)
        : new TextEncoder().encode(familyText(family, escaping))
    size += piece.length
    if (size > maxBytes) {
      throw new LimitError(
        `the page is larger than ${maxBytes} bytes; ask for fewer series`,
        maxBytes,
        size,
      )
    }
    pieces.push(piece)
  }
  return Buffer.concat(pieces, size)
}

/** Neighbours of the same name and type. A name with several types has several families, as in Prometheus. */
function familiesOf(samples: readonly NewestSample[]): MetricFamily[] {
  const families: { name: string; type: MetricType; metrics: Metric[] }[] = []
  for (const sample of samples.toSorted((a, b) => compareUtf8(a.name, b.name))) {
    const type = typeOf(sample)
    const last = families.at(-1)
    if (last?.name === sample.name && last.type === type) last.metrics.push(sample)
    else families.push({ name: sample.name, type, metrics: [sample] })
  }
  return families
}

function typeOf({ histogram }: Metric): MetricType {
  if (histogram === undefined) return 'untyped'
  return histogram.counterResetHint === 'gauge' ? 'gauge_histogram' : 'histogram'
}

/** What is counted of fresh blocks. */
import type { Meter } from '../metrics.ts'
import type { FreshSession } from './fresh-session.ts'

export type FreshMetrics = ReturnType<typeof freshMetrics>

export function freshMetrics(meter: Meter) {
  const counter = (name: string, help: string) => meter.counter(`thaw_fresh_${name}`, help)
  const gauge = (name: string, help: string) => meter.gauge(`thaw_fresh_${name}`, help)
  return {
    packs: counter('packs_total', 'Packs put into the bucket, those made by merging aside'),
    bytes: counter('bytes_total', 'Bytes of packs put into the bucket, those of merged ones too'),
    samples: counter('samples_total', 'Samples in the packs put into the bucket'),
    lateSamples: counter('late_samples_total', 'Samples among them that came out of order'),
    merges: counter('merges_total', 'Packs made of several'),
    deletions: counter(
      'deletions_total',
      'Packs deleted, as another one or a block has their samples',
    ),
    retries: counter('retries_total', 'Requests to the bucket made again after a failure'),
    failures: counter('failures_total', 'Rounds that ended early'),
    upkeepFailures: counter('upkeep_failures_total', 'Times that merging and deleting ended early'),
    epochs: counter(
      'epochs_total',
      'Sequences begun: one at the start, one whenever the log is another',
    ),
    unknownRefs: counter('unknown_refs_total', 'Entries of series that the log does not name'),
    corruptions: counter('corruptions_total', 'Places in the log that could not be read'),
    tornRecords: counter(
      'torn_records_total',
      'Records without an end, left by a Prometheus that was killed',
    ),
    series: gauge('series', 'Series known'),
    seriesBytes: gauge('series_bytes', 'Memory of the series known, about'),
    inBucket: gauge('bucket_packs', 'Packs in the bucket'),
    behind: gauge(
      'behind_seconds',
      'From the newest sample that was put into the bucket until now',
    ),
    segment: gauge('wal_segment', 'Segment of the log that is read'),
    offset: gauge('wal_offset_bytes', 'Bytes of that segment that are read'),
  }
}

/** What a session has counted since the last time. */
export function countSession(metrics: FreshMetrics, session: FreshSession): void {
  const { table, place } = session
  const { unknownRefs, corruptions, tornRecords } = session.takeCounts()
  metrics.corruptions.inc(corruptions)
  metrics.tornRecords.inc(tornRecords)
  metrics.unknownRefs.inc(unknownRefs)
  metrics.series.set(table.size)
  metrics.seriesBytes.set(table.byteLength)
  metrics.segment.set(place.segment)
  metrics.offset.set(place.offset)
}

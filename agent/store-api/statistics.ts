/** Which metrics and labels of a Prometheus have how many series, as `thanos.Status` has it. */
import type { Statistic, TsdbStatisticsEntry } from '#lib/grpc/status-messages.ts'
import type { PrometheusUnit } from '../run-prometheus.ts'
import { apiQuery } from './api-query.ts'
import { type Json, list, number, object, text } from './json-fields.ts'

/** `limit` rows of each table, 0 for as many as Prometheus gives. */
export async function statisticsOf(
  unit: PrometheusUnit,
  limit: number,
  signal: AbortSignal,
): Promise<TsdbStatisticsEntry> {
  const data = object(await unit.prometheus.api('/api/v1/status/tsdb', apiQuery({ limit }), signal))
  const head = object(data['headStats'])
  return {
    headStatistics: {
      numSeries: number(head['numSeries']),
      numLabelPairs: number(head['numLabelPairs']),
      chunkCount: number(head['chunkCount']),
      minTime: number(head['minTime']),
      maxTime: number(head['maxTime']),
    },
    seriesCountByMetricName: table(data, 'seriesCountByMetricName', limit),
    labelValueCountByLabelName: table(data, 'labelValueCountByLabelName', limit),
    memoryInBytesByLabelName: table(data, 'memoryInBytesByLabelName', limit),
    seriesCountByLabelValuePair: table(data, 'seriesCountByLabelValuePair', limit),
  }
}

function table(data: Json, name: string, limit: number): readonly Statistic[] {
  const rows = list(data[name]).map((row) => {
    const { name: label, value } = object(row)
    return { name: text(label), value: number(value) }
  })
  return limit > 0 ? rows.slice(0, limit) : rows
}

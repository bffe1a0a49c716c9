/** The input of a unit test: series as text, and their samples as time goes on. */
import { DomainError } from '#lib/model/errors.ts'
import { labelsKey, type Labels } from '#lib/model/labels.ts'
import { ParseError } from '#lib/promql/parse/parse-error.ts'
import { parseSeriesDescription } from '#lib/promql/parse/series-description.ts'
import type { SeriesValue } from '#lib/promql/parse/series-values.ts'
import type { GrowingStorage } from './growing-storage.ts'
import type { TestGroup } from './unit-test-file.ts'

interface InputSeries {
  readonly labels: Labels
  readonly values: readonly (SeriesValue | undefined)[]
  /** How many are in the storage. */
  taken: number
}

export class SeriesInput {
  readonly #series: readonly InputSeries[]
  readonly #startMs: number
  readonly #intervalMs: number

  /** Throws `invalid` with the line and column of promtool, whose first line is one before the first series. */
  constructor({ series, startMs, intervalMs }: TestGroup) {
    const byLabels = new Map<string, InputSeries>()
    const lines = series.flatMap((one) => `${one.series} ${one.values}`.split('\n'))
    for (const [i, line] of lines.entries()) {
      const text = line.trim()
      // An empty line or a comment ends them.
      if (text === '' || text.startsWith('#')) break
      const { labels, values } = parseLine(text, i + 2)
      checkSchemas(values)
      // The last line for a series is the one that counts.
      byLabels.set(labelsKey(labels), { labels, values, taken: 0 })
    }
    this.#series = [...byLabels.values()]
    this.#startMs = startMs
    this.#intervalMs = intervalMs
  }

  /** Appends what there is until then. */
  appendUntil(timeMs: number, storage: GrowingStorage): void {
    const count = Math.floor((timeMs - this.#startMs) / this.#intervalMs) + 1
    for (const series of this.#series) {
      for (; series.taken < Math.min(count, series.values.length); series.taken++) {
        const value = series.values[series.taken]
        if (!value) continue
        const at = this.#startMs + series.taken * this.#intervalMs
        storage.append(series.labels, { ...value, timeMs: at })
      }
    }
  }
}

/** What Prometheus's storage refuses. */
function checkSchemas(values: InputSeries['values']): void {
  for (const value of values) {
    const schema = value?.histogram?.schema ?? 0
    if ((schema >= -4 && schema <= 8) || schema === -53) continue
    throw new DomainError(
      'invalid',
      `histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets, got schema ${schema}`,
    )
  }
}

function parseLine(text: string, line: number): ReturnType<typeof parseSeriesDescription> {
  try {
    return parseSeriesDescription(text)
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    const message = error.message.replace(/^1:/, `${line}:`)
    throw new DomainError('invalid', message, { cause: error })
  }
}

/** Collects the series of one target, with the labels every one of them has. */
import { labelsFrom } from '#lib/model/labels.ts'
import type { Span } from './events.ts'
import type { SampleSeries, Shape, Target } from './series.ts'

export class SeriesSink {
  readonly #series: SampleSeries[]
  readonly #target: Target

  constructor(series: SampleSeries[], target: Target) {
    this.#series = series
    this.#target = target
  }

  add(
    metric: string,
    labels: Readonly<Record<string, string>>,
    shape: Shape,
    life: Span = this.#target.life,
  ): void {
    const { job, instance, labels: own } = this.#target
    this.#series.push({
      labels: labelsFrom({ ...own, ...labels, __name__: metric, job, instance }),
      target: this.#target,
      life,
      shape,
    })
  }

  constant(
    metric: string,
    labels: Readonly<Record<string, string>>,
    value: number,
    life: Span = this.#target.life,
  ): void {
    this.add(metric, labels, { type: 'constant', value }, life)
  }
}

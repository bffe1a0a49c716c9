/** What each operator of one evaluation took. Exists only where it was asked for; counts per column, never per sample. */
import type { Expr } from '../parse/ast.ts'
import { explainOperators } from '../plan/explain.ts'
import type { OperatorAnalysis } from '../result.ts'
import type { VectorOperator } from './column.ts'
import type { RangeSource } from './range-function.ts'

interface Cost {
  series: number
  samples: number
  milliseconds: number
}

export class Meter {
  readonly #costs = new Map<Expr, Cost>()
  readonly #now: () => number
  /** Samples read so far, by all of the evaluation. */
  readonly #samplesRead: () => number

  constructor(now: () => number, samplesRead: () => number) {
    this.#now = now
    this.#samplesRead = samplesRead
  }

  async building<T>(expr: Expr, build: () => Promise<T>): Promise<T> {
    const stop = this.#start(this.#costOf(expr))
    try {
      return await build()
    } finally {
      stop()
    }
  }

  vector(expr: Expr, operator: VectorOperator): VectorOperator {
    const cost = this.#costOf(expr)
    cost.series += operator.heads.length
    return {
      heads: operator.heads,
      column: (index) => {
        const stop = this.#start(cost)
        try {
          return operator.column(index)
        } finally {
          stop()
        }
      },
    }
  }

  scalar(expr: Expr): void {
    this.#costOf(expr).series = 1
  }

  range(expr: Expr, source: RangeSource): RangeSource {
    const cost = this.#costOf(expr)
    cost.series += source.heads.length
    return {
      heads: source.heads,
      samples: (index) => {
        const stop = this.#start(cost)
        try {
          const samples = source.samples(index)
          // A selector's own samples are counted by the function above it.
          if (expr.type === 'matrix') cost.samples += samples.length
          return samples
        } finally {
          stop()
        }
      },
    }
  }

  analysis(expr: Expr): OperatorAnalysis {
    return explainOperators(expr, (node, name, children) => {
      const { series, samples, milliseconds } = this.#costs.get(node) ?? NOTHING_SPENT
      return { name, series, samples, milliseconds, children }
    })
  }

  #costOf(expr: Expr): Cost {
    let cost = this.#costs.get(expr)
    if (!cost) this.#costs.set(expr, (cost = { ...NOTHING_SPENT }))
    return cost
  }

  #start(cost: Cost): () => void {
    const startedMs = this.#now()
    const samplesBefore = this.#samplesRead()
    return () => {
      cost.milliseconds += this.#now() - startedMs
      cost.samples += this.#samplesRead() - samplesBefore
    }
  }
}

const NOTHING_SPENT: Readonly<Cost> = { series: 0, samples: 0, milliseconds: 0 }

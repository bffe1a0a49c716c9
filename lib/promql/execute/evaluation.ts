/** What one evaluation carries through its operators: selected series, options, annotations, limits and the pace. */
import { DomainError, LimitError } from '#lib/model/errors.ts'
import type { SelectRequest, SeriesSet, Storage } from '#lib/storage/storage.ts'
import type { Expr, VectorSelector } from '../parse/ast.ts'
import { children } from '../parse/walk.ts'
import type { EngineOptions } from '../options.ts'
import type { StepGrid } from '../result.ts'
import { statsSeries, type Windows } from '../histogram/stats.ts'
import { AnnotationSet } from './annotation-set.ts'
import { Meter } from './meter.ts'

/** Steps of a (sub)expression. `single`: the evaluation ends where it starts, even if this grid was cut or widened from another. */
export interface EvalGrid {
  readonly startMs: number
  readonly stepMs: number
  readonly stepCount: number
  /** The expression is evaluated at one time only, so that order counts and sort() works. */
  readonly single: boolean
  /** Below the parameter of an aggregation: Prometheus evaluates it at every step even where all are the same. */
  readonly inParameter?: boolean | undefined
}

/** About 50 ms of work, in samples or steps visited. */
const WORK_BETWEEN_PAUSES = 5_000_000

export class Evaluation {
  readonly options: EngineOptions
  readonly storage: Storage
  readonly signal: AbortSignal | undefined
  readonly whole: StepGrid
  readonly annotations = new AnnotationSet()
  readonly delayedNameRemoval: boolean
  /** Other series are elsewhere: what would be an error beside any of them is one, and to be tried again with all series. */
  readonly sharded: boolean
  readonly useStartTimestamps: boolean
  /** Where somebody asked what each operator takes. */
  readonly meter: Meter | undefined
  readonly #read: SeriesSet[] = []
  samplesRead = 0
  peakSamples = 0
  seriesRead = 0
  #held = 0
  #work = 0
  #resultBytes = 0
  readonly #sets: ReadonlyMap<VectorSelector, SeriesSet>
  readonly #stats: ReadonlySet<VectorSelector>

  constructor(parts: {
    options: EngineOptions
    storage: Storage
    sharded?: boolean | undefined
    whole: StepGrid
    sets: ReadonlyMap<VectorSelector, SeriesSet>
    /** Selectors of which only count and sum of histograms matter. */
    stats: ReadonlySet<VectorSelector>
    signal: AbortSignal | undefined
    /** Milliseconds, to measure with. */
    analyze?: (() => number) | undefined
  }) {
    this.options = parts.options
    this.storage = parts.storage
    this.sharded = parts.sharded === true
    this.whole = parts.whole
    this.signal = parts.signal
    this.#sets = parts.sets
    this.#stats = parts.stats
    this.delayedNameRemoval = parts.options.features.has('promql-delayed-name-removal')
    this.useStartTimestamps = parts.options.features.has('use-start-timestamps')
    this.meter = parts.analyze && new Meter(parts.analyze, () => this.samplesRead)
    for (const set of new Set(parts.sets.values())) this.#countSet(set)
  }

  /** `windows`: what of a range selector is looked at. */
  seriesOf(selector: VectorSelector, windows?: Windows): SeriesSet {
    const set = this.#sets.get(selector)
    if (!set) throw new Error('bug: selector without series')
    return this.#stats.has(selector) ? statsSeries(set, windows) : set
  }

  /** How many series the selectors of an expression have together. */
  seriesBelow(expr: Expr): number {
    if (expr.type === 'vector') return this.#sets.get(expr)?.labels.length ?? 0
    return children(expr).reduce((total, child) => total + this.seriesBelow(child), 0)
  }

  /** For what is known only while evaluating (info()). */
  async select(request: SelectRequest): Promise<SeriesSet> {
    const set = await this.storage.select(request, this.signal)
    this.#countSet(set)
    return set
  }

  /** Of all that was read: known when everything is evaluated, since a chunk that can't be read is found when it is decoded. */
  get warnings(): string[] {
    return [...new Set(this.#read.flatMap(({ warnings }) => warnings))]
  }

  #countSet(set: SeriesSet): void {
    this.#read.push(set)
    this.seriesRead += set.labels.length
    const { maxSeries } = this.options
    if (maxSeries && this.seriesRead > maxSeries) {
      throw new LimitError(
        `query reads ${this.seriesRead} series or more, at most ${maxSeries} are allowed: narrow its selectors, or raise --query.max-series`,
        maxSeries,
        this.seriesRead,
      )
    }
  }

  /** Before anything as long as this many steps is made. */
  checkSteps(steps: number): void {
    const { maxSteps } = this.options
    if (maxSteps && steps > maxSteps) {
      throw new LimitError(
        `query has ${steps} steps in one range, at most ${maxSteps} are allowed`,
        maxSteps,
        steps,
      )
    }
  }

  /** Counts what goes into the answer. */
  countResult(bytes: number): void {
    this.#resultBytes += bytes
    const { maxResultBytes } = this.options
    if (maxResultBytes && this.#resultBytes > maxResultBytes) {
      throw new LimitError(
        `query answers with more than ${maxResultBytes} bytes`,
        maxResultBytes,
        this.#resultBytes,
      )
    }
  }

  /** Counts samples that were decoded; `held` is how many of them stay in memory for now. */
  countRead(samples: number): void {
    this.samplesRead += samples
    this.#work += samples
    this.#check(this.#held + samples)
  }

  hold(samples: number): void {
    this.#held += samples
    this.#check(this.#held)
  }

  release(samples: number): void {
    this.#held -= samples
  }

  #check(samples: number): void {
    if (samples > this.peakSamples) this.peakSamples = samples
    if (samples > this.options.maxSamples) {
      throw new LimitError(
        'query processing would load too many samples into memory in query execution',
        this.options.maxSamples,
        samples,
      )
    }
  }

  /** For work that is more than the samples read. */
  countWork(work: number): void {
    this.#work += work
  }

  /** Call between series with the number of steps or samples visited; await pause() when true. */
  due(work: number): boolean {
    this.#work += work
    return this.#work > WORK_BETWEEN_PAUSES || this.signal?.aborted === true
  }

  async pause(): Promise<void> {
    this.#work = 0
    throwIfAborted(this.signal)
    await new Promise<void>((resolve) => {
      setImmediate(resolve)
    })
    throwIfAborted(this.signal)
  }
}

/** A reason that is a DomainError (a deadline's 'timeout') passes through. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return
  const reason: unknown = signal.reason
  if (reason instanceof DomainError) throw reason
  if (reason instanceof Error && reason.name === 'TimeoutError') {
    throw new DomainError('timeout', 'query timed out in expression evaluation', { cause: reason })
  }
  throw new DomainError('canceled', 'query was canceled in expression evaluation', {
    cause: reason,
  })
}

export function gridTime(grid: EvalGrid, step: number): number {
  return grid.startMs + step * grid.stepMs
}

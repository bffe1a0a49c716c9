/** A question to several Prometheuses: what those answered, and what the others had to say. */
import { DomainError } from '#lib/model/errors.ts'
import { labelsFrom, type Labels } from '#lib/model/labels.ts'
import type { PartialResponseStrategy } from '#lib/grpc/store-messages.ts'
import type { PrometheusUnit } from '../run-prometheus.ts'

export interface Answers<T> {
  readonly answers: readonly T[]
  /** One for each that did not answer. */
  readonly warnings: readonly string[]
}

/**
 * With WARN half an answer is one, with a warning for each that is missing, as long as any came. Throws the first error
 * otherwise, and always when there is nobody else.
 */
export async function askAll<T>(
  units: readonly PrometheusUnit[],
  strategy: PartialResponseStrategy,
  ask: (unit: PrometheusUnit) => Promise<T>,
): Promise<Answers<T>> {
  const results = await Promise.allSettled(units.map(ask))
  const answers: T[] = []
  const errors: unknown[] = []
  for (const result of results) {
    if (result.status === 'fulfilled') answers.push(result.value)
    else errors.push(result.reason)
  }
  const fatal = errors.find((error) => !(error instanceof DomainError))
  if (fatal !== undefined) throw fatal
  if (errors.length > 0 && (strategy === 'ABORT' || answers.length === 0)) throw errors[0]
  return { answers, warnings: errors.map((error) => (error as DomainError).message) }
}

export function externalLabelsOf({ state }: PrometheusUnit): Labels {
  return labelsFrom(state.externalLabels)
}

/** Those whose external labels are known. Throws `unavailable` when there is none. */
export function knownUnits(units: readonly PrometheusUnit[]): readonly PrometheusUnit[] {
  const known = units.filter(({ state }) => Object.keys(state.externalLabels).length > 0)
  if (known.length === 0) throw new DomainError('unavailable', 'prometheus has not answered yet')
  return known
}

/** The Prometheuses that an agent serves at this moment; they come and go with its configuration. */
import { isDeepStrictEqual } from 'node:util'
import { DomainError, isKind } from '#lib/model/errors.ts'
import { formatLabels, labelsFrom, labelsKey } from '#lib/model/labels.ts'
import type { PrometheusOptions } from './agent-options.ts'
import { loggerWith } from './logger.ts'
import { type AgentMetrics, meterOf } from './metrics.ts'
import { configuredPrometheus } from './prometheus/prometheus-client.ts'
import { type PrometheusParts, type PrometheusUnit, runPrometheus } from './run-prometheus.ts'
import { sleep } from './sleep.ts'

export interface UnitsParts extends Omit<PrometheusParts, 'meter' | 'claimLabels'> {
  readonly metrics: AgentMetrics
}

export interface Units {
  /** In the order of the configuration. */
  list(): readonly PrometheusUnit[]
  /** Starts those that are new or changed, and stops the others, which are waited for. */
  apply(prometheuses: readonly PrometheusOptions[]): Promise<void>
  /** Rejects when one ends that must not: the only one, or any of them by an unexpected error. */
  readonly failure: Promise<never>
  stop(): Promise<void>
}

interface RunningUnit {
  readonly unit: PrometheusUnit
  stop(): Promise<void>
}

export function prometheusUnits(parts: UnitsParts): Units {
  let running: RunningUnit[] = []
  let stopped = false
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {})

  const owners = new Map<string, PrometheusUnit>()

  /** Two Prometheuses of the same labels would write one stream of blocks. */
  function claimLabels(self: PrometheusUnit, labels: Readonly<Record<string, string>>): void {
    const key = labelsKey(labelsFrom(labels))
    const owner = owners.get(key)
    if (owner === self) return
    if (owner !== undefined) {
      throw new DomainError(
        'invalid',
        `${self.prometheus.url} has the external labels ${formatLabels(labelsFrom(labels))} that ${owner.prometheus.url} has too, give each its own (for example replica)`,
      )
    }
    releaseLabels(self)
    owners.set(key, self)
  }

  function releaseLabels(unit: PrometheusUnit): void {
    for (const [key, owner] of owners) if (owner === unit) owners.delete(key)
  }

  function start(options: PrometheusOptions): RunningUnit {
    const prometheus = configuredPrometheus(options, parts.env)
    const state = { ready: false, externalLabels: {}, minTimeMs: -Infinity }
    const unit: PrometheusUnit = { options, prometheus, state }
    const { name } = options
    const meter = meterOf(parts.metrics.registry, name)
    const logger = name === '' ? parts.logger : loggerWith(parts.logger, { prometheus: name })
    const stop = new AbortController()
    const own: PrometheusParts = {
      ...parts,
      logger,
      meter,
      claimLabels: (labels) => claimLabels(unit, labels),
    }
    const ended = keepRunning(unit, own, stop.signal).catch(failure.reject)
    return {
      unit,
      async stop() {
        stop.abort()
        await ended
        prometheus.close()
        releaseLabels(unit)
        meter.end()
      },
    }
  }

  return {
    list: () => running.map(({ unit }) => unit),
    failure: failure.promise,

    async apply(prometheuses) {
      const kept = running.filter(({ unit }) =>
        prometheuses.some((options) => isDeepStrictEqual(options, unit.options)),
      )
      const others = running.filter((unit) => !kept.includes(unit))
      await Promise.all(others.map((unit) => unit.stop()))
      if (stopped) return
      running = prometheuses.map(
        (options) =>
          kept.find(({ unit }) => isDeepStrictEqual(options, unit.options)) ?? start(options),
      )
    },

    async stop() {
      stopped = true
      await Promise.all(running.map((unit) => unit.stop()))
    },
  }
}

/**
 * Until `stopping`. The only Prometheus that the flags name ends the agent when it can't be served; one that a list
 * names is tried again, so that the others go on.
 */
async function keepRunning(
  unit: PrometheusUnit,
  parts: PrometheusParts,
  stopping: AbortSignal,
): Promise<void> {
  const { name, getConfigIntervalMs } = unit.options
  while (!stopping.aborted) {
    try {
      await runPrometheus(unit, parts, stopping)
    } catch (error) {
      if (stopping.aborted && isKind(error, 'canceled')) return
      if (name === '' || !(error instanceof DomainError)) throw error
      parts.logger.error(
        { kind: error.kind, err: error, retryMs: getConfigIntervalMs },
        'prometheus is not served',
      )
      await sleep(getConfigIntervalMs, stopping)
    }
  }
}

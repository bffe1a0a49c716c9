/** The Prometheuses that tests of both kinds run on. */
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { findPrometheus } from '#test/peer/prometheus.ts'

export interface PrometheusPeer {
  readonly name: string
  /** Whether its remote read gives native histograms. */
  readonly histograms: boolean
  readonly binary: string | Missing
}

const packaged = await findPrometheus()

export const PROMETHEUS_PEERS: readonly PrometheusPeer[] = [
  {
    name: 'the packaged Prometheus',
    histograms: false,
    binary: isMissing(packaged) ? packaged : packaged.binary,
  },
  {
    name: 'Prometheus 3',
    histograms: true,
    binary: process.env['THAW_PROMETHEUS_3'] ?? {
      missing: 'THAW_PROMETHEUS_3 names no Prometheus 3.x',
    },
  },
]

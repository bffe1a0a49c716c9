/** The freshness hour in two minutes: fresh samples of a real Prometheus through kills, restarts, an outage, and block after block. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isMissing } from '#test/peer/cache.ts'
import { findMinio } from '#test/peer/minio.ts'
import { findPrometheus } from '#test/peer/prometheus.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { runHour } from '../../bench/fresh/hour-run.ts'
import { summarise, textOf } from '../../bench/fresh/report.ts'

const PROMETHEUS_3 = process.env['THAW_PROMETHEUS_3']
const SEED = process.env['THAW_SEED'] ?? '1'

const minio = await findMinio()
const prometheus = await findPrometheus()

if (isMissing(minio)) describeSkipped('two minutes of fresh samples', minio)
else if (isMissing(prometheus)) describeSkipped('two minutes of fresh samples', prometheus)
else {
  describe('two minutes of fresh samples', () => {
    it(`misses and doubles nothing (seed ${SEED})`, async () => {
      const dir = await mkdtemp(join(tmpdir(), 'thaw-fresh-'))
      try {
        const result = await runHour({
          dir,
          dataDir: join(dir, 'prometheus'),
          minio,
          prometheus: PROMETHEUS_3 ?? prometheus.binary,
          isPrometheus2: PROMETHEUS_3 === undefined && prometheus.version.startsWith('2.'),
          nodeExporter: prometheus.nodeExporter,
          scrapeMs: 1000,
          blockMs: 20_000,
          intervalMs: 2000,
          agentFlags: ['--fresh.interval=2s', '--shipper.interval=2s'],
          fillers: 50,
          churning: 10,
          // 2.x has another idea of the ends of a range.
          queries: PROMETHEUS_3 === undefined ? 0 : 100,
          seed: SEED,
          runMs: 100_000,
          kills: 5,
          restarts: 2,
          outageMs: 20_000,
          diskFullMs: 0,
          now: Date.now,
          say: () => undefined,
          signal: new AbortController().signal,
        })
        const summary = summarise(result)
        const { late: _, ...due } = summary.dueWindows
        console.log(textOf(summary))
        expect(summary.problems).toEqual([])
        expect(summary.examples).toEqual([])
        expect(summary.final).toMatchObject({
          missing: 0,
          extra: 0,
          otherValue: 0,
          differences: [],
        })
        expect(summary.neverSettled).toBe(0)
        expect(summary.seams.blocks).toBeGreaterThan(2)
        // It was no test of nothing.
        expect(Math.min(due.samples, summary.final.samples, summary.seams.samples)).toBeGreaterThan(
          20_000,
        )
        expect(summary.delays['agent killed'].samples).toBeGreaterThan(0)
        expect(summary.delays.outage.samples).toBeGreaterThan(0)
      } finally {
        await rm(dir, { recursive: true, force: true })
      }
    })
  })
}

/** The ruler without blocks of its own, as Thanos's stateless one: results by remote write into a real Prometheus, which is down at first. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ulid } from 'ulid'
import { afterAll, describe, expect, it } from 'vitest'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { openRuler } from '#lib/lambda/open-ruler.ts'
import { readRuleFlags } from '#lib/lambda/rule-flags.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { resultPack } from '#lib/rules/results/result-pack.ts'
import { bucketRuleFiles } from '#lib/rules/tick/bucket-rule-files.ts'
import { runTick } from '#lib/rules/tick/run-tick.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findPrometheus, type PrometheusServer, startPrometheus } from '#test/peer/prometheus.ts'
import { freePort } from '#test/peer/server.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'

const RULES = `groups:
- name: sums
  interval: 5s
  rules:
  - {record: 'load:sum', expr: sum(load)}
  - {alert: High, expr: 'load:sum > 1e15'}
  - {alert: There, expr: load > 0, labels: {severity: page}}
`
/** How old the rules are: so much is made up for in the first tick. */
const AGE_MS = 120_000

const peer = await findPrometheus()
if (isMissing(peer)) describeSkipped('the stateless ruler', peer)
else {
  describe('the stateless ruler', () => {
    const dir = mkdtempSync(join(tmpdir(), 'thaw-stateless-'))
    let server: PrometheusServer | undefined

    afterAll(async () => {
      await server?.stop()
      rmSync(dir, { recursive: true, force: true })
    })

    async function valuesOf(query: string): Promise<[number, string][]> {
      const answer = await fetch(`${server!.url}/api/v1/query?query=${encodeURIComponent(query)}`)
      const { data } = (await answer.json()) as {
        readonly data: { readonly result: readonly { readonly values: [number, string][] }[] }
      }
      return data.result.flatMap(({ values }) => values)
    }

    it('keeps what it can not write, and writes all of it in order when it can', async () => {
      const directory = join(dir, 'bucket')
      mkdirSync(join(directory, 'thaw/rule/files'), { recursive: true })
      const file = join(directory, 'thaw/rule/files/a.yaml')
      writeFileSync(file, RULES)
      const beganMs = Date.now() - AGE_MS
      utimesSync(file, beganMs / 1000, beganMs / 1000)
      const bucket = fileBucket(directory)
      const samples = Array.from({ length: 200 }, (_, i) => ({
        labels: labelsFrom({ __name__: 'load', pod: 'a' }),
        timeMs: beganMs - 300_000 + 5000 * i,
        value: 1 / (i + 3),
      }))
      const place = { externalLabels: labelsFrom({ cluster: 'eu' }), epoch: '01Ar', number: 0 }
      const pack = resultPack(samples, place)!
      await bucket.put(pack.key, pack.bytes)
      const port = await freePort()
      const ruler = await openRuler({
        settings: readRuleFlags(
          `--rule-query-offset=0s --remote-write.config='{remote_write: [{name: it, url: "http://127.0.0.1:${port}/api/v1/write", queue_config: {max_samples_per_send: 10}}]}'`,
        ),
        bucket,
        files: bucketRuleFiles(bucket),
        cache: new StoreCache(8 * 1024 * 1024),
        env: {},
        userAgent: 'thaw',
        owner: 'test',
        now: Date.now,
        newUlid: () => ulid(),
      })

      const first = await runTick(ruler.parts, { deadlineMs: Date.now() + 5000 })
      expect(first).toMatchObject({ outcome: 'done' })
      expect(first.evaluations).toBeGreaterThanOrEqual(AGE_MS / 5000 - 1)
      expect(first.problems.join()).toMatch(/remote write it: .*ECONNREFUSED/)
      server = await startPrometheus({
        binary: peer.binary,
        dataDir: join(dir, 'prometheus'),
        config: 'global: {}\n',
        flags: ['--web.enable-remote-write-receiver'],
        port,
      })
      const second = await runTick(ruler.parts, { deadlineMs: Date.now() + 30_000 })
      ruler.close()
      expect(second).toMatchObject({ outcome: 'done', problems: [], failedRules: 0 })

      const count = first.evaluations + second.evaluations
      const sums = await valuesOf('load:sum{ruler="thaw"}[10m]')
      expect(sums).toHaveLength(count)
      for (const [i, [time, value]] of sums.entries()) {
        expect(time).toBeCloseTo(sums[0]![0] + 5 * i, 3)
        const newest = samples.findLast(({ timeMs }) => timeMs <= Math.round(time * 1000))
        expect(Number(value)).toBe(newest!.value)
      }
      const there = 'alertname="There",alertstate="firing",severity="page",pod="a",cluster="eu"'
      // As in Prometheus, the third evaluation of a group is the first that writes of alerts: they could be restored before.
      expect(await valuesOf(`ALERTS{${there},ruler="thaw"}[10m]`)).toHaveLength(count - 2)
      expect(
        await valuesOf('prometheus_rule_evaluations_total{job="thaw-rule"}[10m]'),
      ).toHaveLength(2)
    })
  })
}

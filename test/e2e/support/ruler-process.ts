/**
 * A process that runs a tick of the ruler over a directory for each message, and tells of each of its steps, so that it can be killed at any.
 * Started by `ruler-processes.ts`.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { ulid } from 'ulid'
import { alertmanagerOfUrl } from '#lib/alertmanager/alerting-config.ts'
import { type Alertmanagers, openAlertmanagers } from '#lib/alertmanager/alertmanagers.ts'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { SYSTEM_RESOLVER } from '#lib/endpoints/resolve-address.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { lastSamples } from '#lib/rules/evaluate/restore-alerts.ts'
import { openRuleReads } from '#lib/rules/reads/rule-reads.ts'
import { bucketRuleFiles } from '#lib/rules/tick/bucket-rule-files.ts'
import { packSink } from '#lib/rules/tick/pack-sink.ts'
import { runTick } from '#lib/rules/tick/run-tick.ts'
import type { TickParts } from '#lib/rules/tick/tick-parts.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import type { FromRuler, RulerSettings } from './ruler-processes.ts'

const settings = JSON.parse(process.argv[2]!) as RulerSettings
const tell = (message: FromRuler): void => void process.send!(message)

const externalLabels = { run: settings.run }
const bucket = told(fileBucket(settings.directory))
const reads = openRuleReads({
  bucket,
  index: new BucketIndexReader(bucket, { now: Date.now, maxAgeMs: 5000 }),
  cache: new StoreCache(16 * 1024 * 1024),
  now: Date.now,
  externalLabels,
  replicaLabels: [],
  engine: DEFAULT_ENGINE_OPTIONS,
  timeoutMs: 10_000,
})
const parts: TickParts = {
  bucket,
  files: bucketRuleFiles(bucket),
  reads: { ...reads, restore: lastSamples(reads) },
  sink: packSink(bucket, labelsFrom(externalLabels)),
  alertmanagers: toldAlertmanagers(),
  settings: {
    evalIntervalMs: 60_000,
    queryOffsetMs: 1000,
    catchUpMs: 600_000,
    groupConcurrency: 4,
    ruleConcurrency: 4,
    resendDelayMs: settings.resendDelayMs,
    forGracePeriodMs: 600_000,
    forOutageToleranceMs: 3_600_000,
    restoreIgnoredLabels: ['run'],
    externalLabels: labelsFrom(externalLabels),
    externalUrl: 'http://thaw',
    alertQueryTemplate: '/graph?g0.expr={{.Expr}}&g0.tab=1',
    watchdog: '',
  },
  owner: `process ${process.pid}`,
  now: Date.now,
  newUlid: () => ulid(),
}

process.on('message', () => {
  runTick(parts, { deadlineMs: Date.now() + settings.lastsMs }).then(
    (report) => tell({ type: 'end', report }),
    (error: unknown) => tell({ type: 'end', error: String(error) }),
  )
})
process.once('disconnect', () => process.exit(0))
tell({ type: 'ready' })

function told(inner: Bucket): Bucket {
  async function around<T>(what: string, work: Promise<T>): Promise<T> {
    tell({ type: 'step', what: `before ${what}` })
    const answer = await work
    tell({ type: 'step', what })
    return answer
  }
  return {
    ...inner,
    get: (key, options) => around(`get ${key}`, inner.get(key, options)),
    list: (prefix, options) => {
      tell({ type: 'step', what: `list ${prefix}` })
      return inner.list(prefix, options)
    },
    put: (key, body, options) => around(`put ${key}`, inner.put(key, body, options)),
    delete: (key, options) => around(`delete ${key}`, inner.delete(key, options)),
  }
}

function toldAlertmanagers(): Alertmanagers {
  const opened = openAlertmanagers({
    config: { sets: [alertmanagerOfUrl(settings.alertmanagerUrl, 2000)], alertRelabel: [] },
    externalLabels,
    labelDrop: [],
    relabel: [],
    retryForMs: 1000,
    userAgent: 'thaw',
    resolver: SYSTEM_RESOLVER,
    now: Date.now,
    sleep: (ms, signal) => wait(ms, undefined, { signal }).catch(() => undefined),
  })
  return {
    ...opened,
    async send(alerts, signal) {
      tell({ type: 'step', what: 'before send' })
      const report = await opened.send(alerts, signal)
      tell({ type: 'step', what: 'send' })
      return report
    },
  }
}

/**
 * A process that runs a tick of the ruler over a directory for each message, and tells of each of its steps, so that it can be killed at any.
 * Started by `ruler-processes.ts`.
 */
import { ulid } from 'ulid'
import type { Alertmanagers } from '#lib/alertmanager/alertmanagers.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { openRuler } from '#lib/lambda/open-ruler.ts'
import { readRuleFlags } from '#lib/lambda/rule-flags.ts'
import { bucketRuleFiles } from '#lib/rules/tick/bucket-rule-files.ts'
import { runTick } from '#lib/rules/tick/run-tick.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import type { FromRuler, RulerSettings } from './ruler-processes.ts'

const { directory, alertmanagerUrl, run, lastsMs } = JSON.parse(process.argv[2]!) as RulerSettings
const tell = (message: FromRuler): void => void process.send!(message)

const bucket = told(fileBucket(directory))
const ruler = await openRuler({
  settings: readRuleFlags(
    `--label='run="${run}"' --alertmanagers.url=${alertmanagerUrl} --alertmanagers.send-timeout=2s` +
      ' --resend-delay=10s --rule-query-offset=1s',
  ),
  bucket,
  files: bucketRuleFiles(bucket),
  cache: new StoreCache(16 * 1024 * 1024),
  env: {},
  userAgent: 'thaw',
  owner: `process ${process.pid}`,
  now: Date.now,
  newUlid: () => ulid(),
})
const parts = { ...ruler.parts, alertmanagers: toldAlertmanagers(ruler.parts.alertmanagers!) }

process.on('message', () => {
  runTick(parts, { deadlineMs: Date.now() + lastsMs }).then(
    (report) => tell({ type: 'end', report }),
    (error: unknown) => tell({ type: 'end', error: String(error) }),
  )
})
process.once('disconnect', () => process.exit(0))
// Whoever is told may be gone already.
process.on('error', () => process.exit(0))
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

function toldAlertmanagers(inner: Alertmanagers): Alertmanagers {
  return {
    ...inner,
    async send(alerts, signal) {
      tell({ type: 'step', what: 'before send' })
      const report = await inner.send(alerts, signal)
      tell({ type: 'step', what: 'send' })
      return report
    },
  }
}

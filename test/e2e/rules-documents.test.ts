/** The same rule files in a real Prometheus and in thaw's ruler: /api/v1/rules and /api/v1/alerts say the same, but for times. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { openRuler } from '#lib/lambda/open-ruler.ts'
import { readRuleFlags } from '#lib/lambda/rule-flags.ts'
import { putRuleFile } from '#lib/rules/file/rule-files.ts'
import { bucketRuleFiles } from '#lib/rules/tick/bucket-rule-files.ts'
import { runTick } from '#lib/rules/tick/run-tick.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { startPrometheus } from '#test/peer/prometheus.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { testId } from '#test/store/sample-block.ts'
import { PROMETHEUS_PEERS } from './support/prometheus-peers.ts'
import { thawApp } from './support/thaw-app.ts'

/** How long the rules are evaluated, each second; what fires for so long is gone before the end. */
const RUN_MS = 14_000
const GONE_MS = 10_000

const FILE = 'rules.yaml'
const TWO = 'label_replace(vector(1), "a", "b", "", "")or label_replace(vector(NaN),"a","c","","")'

/** `goneS`: Unix seconds. */
const rulesText = (goneS: number): string => `
groups:
  - name: states
    interval: 1s
    rules:
      - alert: Firing
        expr: vector(3)*2 > 1
        labels: {severity: page, value: '{{ $value }}', empty: ''}
        annotations: {summary: '{{ $labels.severity }} {{ humanize $value }}', broken: '{{ .Nope }}', empty: ''}
      - alert: Pending
        expr: ${TWO}
        for: 1h
      - alert: FiringAtLast
        expr: ${TWO}
        for: 2s
      - alert: Inactive
        expr: vector(1) < 0
        keep_firing_for: 5m
      - alert: Kept
        expr: vector(7) and vector(time()) < ${goneS}
        for: 1s
        keep_firing_for: 1h
      - alert: Gone
        expr: vector(7) and vector(time()) < ${goneS}
  - name: errors
    interval: 1s
    limit: 1
    rules:
      - {alert: TooMany, expr: '${TWO}'}
      - {alert: Same, expr: '${TWO}', labels: {a: x}}
      - {record: same, expr: '${TWO}', labels: {a: x}}
      - {record: many, expr: '${TWO}'}
      - {record: text, expr: '"text"'}
      - {record: matching, expr: 'vector(1)+on()(${TWO})'}
  - name: records
    interval: 1s
    rules:
      - {record: one, expr: 'sum by(job)(vector(1))', labels: {team: x, empty: ''}}
      - {record: one, expr: 'sum by(job)(vector(1))', labels: {team: x, empty: ''}}
      - {record: scalar, expr: 1+1}
      - {alert: OfRecord, expr: 'one{team="x"} == 1 and ALERTS{alertname="Firing"} == 1'}
      - {alert: OfAlert, expr: 'ALERTS{alertname="Firing",alertstate="firing"} == 1', labels: {alertstate: x}}
  - name: late
    interval: 100000h
    rules:
      - {alert: NotYet, expr: vector(1)}
  - {name: nothing, interval: 1s, rules: []}
`

const PATHS = ['rules', 'rules?type=alert', 'rules?type=record', 'alerts']
/** Filters that Prometheus 2.42 does not know. */
const NEWER_PATHS = [
  'rules?type=alert&exclude_alerts=true',
  'rules?rule_name[]=one&rule_name[]=Firing',
  'rules?rule_group[]=errors&file[]=FILE',
  'rules?match[]={severity="page"}&match[]={team="x"}',
  'rules?group_limit=2',
]

describe.each(PROMETHEUS_PEERS)('rules of $name', ({ binary: peer, name }) => {
  it('and of thaw are told in the same words', { timeout: 120_000 }, async (context) => {
    const binary = needPeer(context, typeof peer === 'string' ? { path: peer } : peer).path
    const dir = await mkdtemp(join(tmpdir(), 'thaw-rules-'))
    const dataDir = join(dir, 'prometheus')
    await mkdir(dataDir)
    const isOld = name !== 'Prometheus 3'
    const startMs = Date.now()
    const text = rulesText(Math.floor((startMs + GONE_MS) / 1000))
    await writeFile(join(dataDir, 'rules.yaml'), text)
    const config = 'rule_files: [rules.yaml]\n'
    const server = await startPrometheus({ binary, dataDir, config })
    try {
      const ask = await evaluated(text, startMs)
      await sleep(startMs + RUN_MS - Date.now())
      for (const path of isOld ? PATHS : [...PATHS, ...NEWER_PATHS]) {
        const there = path.replace('FILE', join(dataDir, FILE))
        const response = await fetch(`${server.url}/api/v1/${there}`)
        const expected = told(await response.text(), isOld)
        expect({ path, answer: told(await ask(path.replace('FILE', FILE))) }).toEqual({
          path,
          answer: expected,
        })
      }
    } finally {
      await server.stop()
      await rm(dir, { recursive: true, force: true })
    }
  })
})

/** By the ruler, of all these seconds. */
async function evaluated(
  text: string,
  startMs: number,
): Promise<(path: string) => Promise<string>> {
  const bucket = memoryBucket()
  await putRuleFile(bucket, FILE, text)
  let nowMs = startMs
  const ruler = await openRuler({
    settings: readRuleFlags('--rule-query-offset=0s --query.replica-label=ruler'),
    bucket,
    files: bucketRuleFiles(bucket),
    cache: new StoreCache(1e6),
    env: {},
    userAgent: 'test',
    owner: 'test',
    now: () => nowMs,
    newUlid: () => testId(nowMs),
  })
  for (; nowMs <= startMs + RUN_MS; nowMs += 2000) {
    const report = await runTick(ruler.parts, { deadlineMs: nowMs + 60_000 })
    expect(report).toMatchObject({ outcome: 'done', problems: [] })
  }
  const app = thawApp(bucket, { replicaLabels: ['ruler'] })
  return async (path) => (await app.request(`/api/v1/${path}`)).text()
}

interface Told {
  readonly labels: Readonly<Record<string, string>>
}

/** Alerts are in no order in Prometheus. */
function told(text: string, isOld = false): unknown {
  const plain = text
    .replaceAll(/"(lastEvaluation|activeAt|keepFiringSince)":"(?!0001)[^"]*"/g, '"$1":"then"')
    .replaceAll(/"file":"[^"]*\/(\w+\.yaml)"/g, '"file":"$1"')
    .replaceAll(/"evaluationTime":[-\d.e]+/g, '"evaluationTime":0')
    // Series that don't match are named in the order of a hash map.
    .replaceAll(String.raw`[{a=\"c\"}, {a=\"b\"}]`, String.raw`[{a=\"b\"}, {a=\"c\"}]`)
    .replaceAll(/"groupNextToken":"\w+"/g, '"groupNextToken":"next"')
  const byLabels = (a: Told, b: Told): number =>
    JSON.stringify(a.labels) < JSON.stringify(b.labels) ? -1 : 1
  return JSON.parse(isOld ? asNow(plain) : plain, (key, value: unknown) => {
    if (key === 'alerts' && Array.isArray(value)) return value.toSorted(byLabels)
    // 2.42 shows groups without rules.
    if (key === 'groups' && isOld) {
      return (value as { rules: object[] }[]).filter(({ rules }) => rules.length > 0)
    }
    return value
  })
}

/** What 2.42 says otherwise. */
function asNow(text: string): string {
  return text
    .replaceAll(/(\d)\.(\d+)e\+09/g, (_, a: string, b: string) => a + b.padEnd(9, '0'))
    .replaceAll('Value float64', 'Value interface {}')
    .replaceAll(/("name":"[^"]*","query":"(?:[^"\\]|\\.)*"),"health"/g, '$1,"labels":{},"health"')
    .replaceAll('{"state":"inactive","name":"NotYet"', '{"state":"unknown","name":"NotYet"')
}

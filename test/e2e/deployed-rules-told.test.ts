/** What the deployed API tells of the deployed ruler: rules, alerts, who gets them, and files that are broken. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { RULE_FILES_PREFIX } from '#lib/rules/file/rule-files.ts'
import { tick } from '#localstack/rules.ts'
import { startWebhook, type Webhook } from '#test/peer/alertmanager.ts'
import { type CloudBucket, startCloudBucket } from './support/cloud-bucket.ts'
import { type LocalCloud, startLocalCloud, synthesiseStack } from './support/local-cloud.ts'

const RULES = `
groups:
  - name: g
    rules:
      - {record: two, expr: vector(2)}
      - {alert: Firing, expr: two == 2, labels: {severity: page}, annotations: {summary: 'it is {{ $value }}'}}
`

let cloudBucket: CloudBucket
let local: LocalCloud
let alertmanager: Webhook
const ends: (() => Promise<void>)[] = []

beforeAll(async () => {
  cloudBucket = await startCloudBucket()
  ends.push(() => cloudBucket.stop())
  alertmanager = await startWebhook()
  ends.push(async () => alertmanager.close())
  const assembly = await synthesiseStack()
  ends.push(() => assembly.remove())
  local = await startLocalCloud({
    assembly,
    bucket: cloudBucket,
    sliceBytes: 1e6,
    ruleFlags: `--alertmanagers.url=${alertmanager.url} --label=replica="r" --query.replica-label=replica`,
  })
  ends.push(() => local.stop())
  await local.plan()
})

afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

async function get(path: string): Promise<{ data: any; warnings?: string[] }> {
  const response = await fetch(`${local.cloud.httpUrl}/api/v1/${path}`)
  expect(response.status).toBe(200)
  return (await response.json()) as { data: unknown }
}

/** As if it was put there three minutes ago. */
async function push(name: string, text: string): Promise<void> {
  await cloudBucket.bucket.put(RULE_FILES_PREFIX + name, Buffer.from(text))
  await cloudBucket.age(RULE_FILES_PREFIX + name, 180_000)
}

it('evaluates what was pushed, and tells of it', async () => {
  await push('good.yaml', RULES)
  const report = await tick(local.cloud)
  expect(report).toMatchObject({ outcome: 'done', groups: 1, failedRules: 0, problems: [] })
  expect(report.evaluations).toBeGreaterThanOrEqual(2)
  const { data } = await get('rules?type=alert')
  expect(data).toMatchObject({
    groups: [
      {
        name: 'g',
        file: 'good.yaml',
        interval: 60,
        rules: [
          {
            name: 'Firing',
            state: 'firing',
            health: 'ok',
            labels: { severity: 'page' },
            alerts: [{ state: 'firing', value: '2e+00', annotations: { summary: 'it is 2' } }],
          },
        ],
      },
    ],
  })
  const labels = { alertname: 'Firing', severity: 'page' }
  expect((await get('alerts')).data.alerts).toMatchObject([{ labels }])
  const ALERTS = { __name__: 'ALERTS', alertstate: 'firing', ...labels }
  // A function may believe its listing of before for a second.
  await expect
    .poll(async () => (await get('query?query=ALERTS')).data.result)
    .toMatchObject([{ metric: ALERTS, value: [expect.anything(), '1'] }])
  const url = `${alertmanager.url}/api/v2/alerts`
  expect((await get('alertmanagers')).data).toEqual({
    activeAlertmanagers: [{ url }],
    droppedAlertmanagers: [],
  })
  const [sent] = alertmanager.notifications.flat()
  expect(sent).toMatchObject({ labels: { ...labels, replica: 'r' } })
})

it('evaluates nothing twice, and goes on with the last good rules of a broken file', async () => {
  await push('good.yaml', 'groups: [{name: ')
  const report = await tick(local.cloud)
  expect(report).toMatchObject({ outcome: 'done', groups: 1 })
  expect(report.evaluations).toBeLessThan(2)
  expect(report.problems.join()).toContain('good.yaml')
  await expect
    .poll(async () => (await get('rules')).warnings)
    .toEqual([expect.stringMatching(/^rule file good\.yaml can't be used: /)])
  expect((await get('rules')).data.groups).toMatchObject([{ name: 'g', rules: [{}, {}] }])
})

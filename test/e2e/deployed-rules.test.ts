/** The bundled `rule` function of the synthesised stack evaluates rules, twice at once too, and the `query` function tells of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { labelsFrom } from '#lib/model/labels.ts'
import { putRuleFile } from '#lib/rules/file/rule-files.ts'
import { resultPack } from '#lib/rules/results/result-pack.ts'
import { tick } from '#localstack/rules.ts'
import { type CloudBucket, startCloudBucket } from './support/cloud-bucket.ts'
import {
  type Assembly,
  type LocalCloud,
  startLocalCloud,
  synthesiseStack,
} from './support/local-cloud.ts'

const RULES = `groups:
- name: loads
  interval: 10s
  rules:
  - record: load:sum
    expr: sum(load)
  - alert: Loaded
    expr: load:sum > 10
    labels: {severity: page}
    annotations: {summary: '{{ $value }} on {{ $externalLabels.ruler }}'}
`

describe('the deployed ruler', () => {
  let assembly: Assembly
  let cloudBucket: CloudBucket
  let local: LocalCloud

  beforeAll(async () => {
    assembly = await synthesiseStack()
    cloudBucket = await startCloudBucket()
    const { bucket } = cloudBucket
    const nowMs = Date.now()
    const samples = ['a', 'b'].flatMap((pod) =>
      Array.from({ length: 60 }, (_, i) => ({
        labels: labelsFrom({ __name__: 'load', pod }),
        timeMs: nowMs - i * 15_000,
        value: 7,
      })),
    )
    const place = { externalLabels: labelsFrom({ cluster: 'eu' }), epoch: '01DATAr', number: 0 }
    const pack = resultPack(samples, place)!
    await bucket.put(pack.key, pack.bytes)
    await putRuleFile(bucket, 'loads.yaml', RULES)
    await cloudBucket.age('thaw/rule/files/loads.yaml', 120_000)
    local = await startLocalCloud({ assembly, bucket: cloudBucket, sliceBytes: 1 << 20 })
  })

  afterAll(async () => {
    await local?.stop()
    await assembly?.remove()
    await cloudBucket?.stop()
  })

  const get = async (path: string): Promise<unknown> =>
    ((await (await fetch(local.cloud.httpUrl + path)).json()) as { data: unknown }).data

  it('does what is due once, though it is woken twice', async () => {
    const reports = await Promise.all([tick(local.cloud), tick(local.cloud)])
    const outcomes = reports.map(({ outcome }) => outcome).sort()
    expect(outcomes).toContain('done')
    const evaluations = reports.reduce((sum, report) => sum + report.evaluations, 0)
    expect(evaluations).toBeGreaterThanOrEqual(11)
    expect(evaluations).toBeLessThanOrEqual(15)
    expect(
      reports.flatMap(({ problems, outcome }) => (outcome === 'done' ? problems : [])),
    ).toEqual([])
    // Its line in the log has numbers and a sentence.
    const line = local.log.find((one) => one.includes('evaluations of 1 group'))
    expect(line).toContain('"gets":')
  })

  it('has results that can be queried, and rules and alerts that can be seen', async () => {
    expect(await get('/api/v1/query?query=count_over_time(load:sum[5m])>5')).toMatchObject({
      result: [{ metric: { ruler: 'thaw' } }],
    })
    expect(await get('/api/v1/query?query=ALERTS')).toMatchObject({
      result: [{ metric: { alertname: 'Loaded', alertstate: 'firing', severity: 'page' } }],
    })
    expect(await get('/api/v1/rules')).toMatchObject({
      groups: [
        {
          name: 'loads',
          file: 'loads.yaml',
          rules: [
            { type: 'recording', name: 'load:sum', health: 'ok' },
            { type: 'alerting', name: 'Loaded', state: 'firing', health: 'ok' },
          ],
        },
      ],
    })
    expect(await get('/api/v1/alerts')).toMatchObject({
      alerts: [{ state: 'firing', annotations: { summary: '14 on thaw' } }],
    })
  })

  it('lists rule files when somebody tells of one, and not at each tick of the clock', async () => {
    const groups = async (): Promise<string[]> => {
      const { groups } = (await get('/api/v1/rules')) as { groups: { name: string }[] }
      return groups.map(({ name }) => name)
    }
    const clock = async (): Promise<number> => {
      const [result] = await local.cloud.runSchedule('thaw-rule')
      expect(result!.failure).toBeUndefined()
      const line = local.log.findLast((one) => one.includes('evaluations of'))
      return Number(/"lists":(\d+)/.exec(line!)![1])
    }
    const again = await clock()
    const name = 'more.yaml'
    await putRuleFile(cloudBucket.bucket, name, RULES.replace('name: loads', 'name: more'))
    expect(await clock()).toBeLessThanOrEqual(again)
    expect(await groups()).toEqual(['loads'])
    expect(local.cloud.objectCreated(`thaw/rule/files/${name}`, 1)).toEqual(['thaw-rule-file'])
    await expect.poll(groups, { timeout: 20_000, interval: 200 }).toEqual(['loads', 'more'])
  })
})

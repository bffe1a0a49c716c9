/** What has to be right, from the bucket to the dashboards, in the order in which one needs the other. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { ulid } from 'ulid'
import { checkConditionalWrites } from '#lib/aws/conditional-writes.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { isKind } from '#lib/model/errors.ts'
import { putRuleFile } from '#lib/rules/file/rule-files.ts'
import { queriesOf, readDashboards } from './dashboards.ts'
import type { Step } from './run-steps.ts'
import { ask, json, text, valueOf } from './web.ts'

export interface Places {
  readonly s3: string
  readonly prometheus: string
  readonly agent: string
  readonly thaw: string
  readonly alertmanager: string
  readonly grafana: string
}

const COMPOSE = join(import.meta.dirname, '..')
/** Of the newest sample, through the bucket. */
const FRESH_SECONDS = 90

export function smokeSteps(places: Places): readonly Step[] {
  const { s3, prometheus, agent, thaw, alertmanager, grafana } = places
  const logs = (service: string): string =>
    `look at: docker compose -f localstack/compose/compose.yml logs ${service}`
  return [
    {
      name: 'the bucket',
      look: () => lookAtBucket(s3),
      hint: `thaw needs a store that keeps If-None-Match and If-Match; ${logs('s3')}`,
      needed: true,
    },
    { name: 'Prometheus', look: () => text(`${prometheus}/-/ready`), hint: logs('prometheus') },
    { name: 'the agent', look: () => text(`${agent}/-/ready`), hint: logs('agent') },
    {
      name: 'thaw serve',
      look: () => text(`${thaw}/-/ready`),
      hint: logs('thaw'),
      needed: true,
    },
    { name: 'its parts', look: () => text(`${thaw}/-/healthy`), hint: logs('thaw') },
    { name: 'rules', look: () => pushRules(s3), hint: 'localstack/compose/rules has them' },
    {
      name: 'samples',
      look: () => lookAtSamples(thaw),
      hint: `the agent writes fresh samples each 15 s; ${logs('agent')}`,
    },
    {
      name: 'targets',
      look: () => lookAtTargets(thaw),
      hint: `${prometheus}/targets says why one is down`,
    },
    {
      name: 'compaction',
      look: () => lookAtCompaction(thaw),
      hint: logs('thaw'),
    },
    {
      name: 'recording rules',
      look: async () => `job:up:ratio is ${await valueOf(thaw, 'max(job:up:ratio)')}`,
      hint: `${thaw}/api/v1/rules has the errors of rules`,
    },
    {
      name: 'alerts',
      look: () => lookAtAlerts(alertmanager),
      hint: `${thaw}/api/v1/alerts has what fires; ${logs('alertmanager')}`,
    },
    {
      name: 'dashboards',
      look: () => lookAtDashboards(thaw),
      hint: 'the panel named has nothing to show yet; try again in a minute',
    },
    ...(grafana === '' ? [] : [grafanaStep(grafana, logs('grafana'))]),
  ]
}

async function bucketAt(s3: string): Promise<Bucket> {
  const yaml = await readFile(join(COMPOSE, 'bucket.yml'), 'utf8')
  return openBucket(parseObjstoreConfig(yaml.replace('s3:9000', s3), {}))
}

async function lookAtBucket(s3: string): Promise<string> {
  const bucket = await bucketAt(s3)
  const check = (): Promise<void> => checkConditionalWrites(bucket, { id: ulid() })
  try {
    await check()
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error
    await createBucket(s3)
    await check()
  }
  return `${bucket.name} keeps conditions`
}

/** Of a server that makes none by itself. */
async function createBucket(s3: string): Promise<void> {
  const client = new S3Client({
    endpoint: `http://${s3}`,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'thaw', secretAccessKey: 'thaw-secret' },
  })
  await client.send(new CreateBucketCommand({ Bucket: 'thaw' }))
}

async function pushRules(s3: string): Promise<string> {
  const bucket = await bucketAt(s3)
  const directory = join(COMPOSE, 'rules')
  const files = await readdir(directory)
  for (const file of files) {
    await putRuleFile(bucket, file, await readFile(join(directory, file), 'utf8'))
  }
  return `${files.join(', ')} pushed`
}

async function lookAtSamples(thaw: string): Promise<string> {
  const age = Number(await valueOf(thaw, 'time() - max(timestamp(up))'))
  if (age > FRESH_SECONDS) throw new Error(`the newest is ${age.toFixed(0)} s old`)
  return `the newest is ${age.toFixed(0)} s old`
}

/** Grafana is there for people only. */
async function lookAtTargets(thaw: string): Promise<string> {
  const down = await ask(thaw, 'up{job!="grafana"} == 0')
  if (down.length > 0) {
    throw new Error(`down: ${down.map(({ metric }) => metric['job']).join(', ')}`)
  }
  return `${await valueOf(thaw, 'sum(up)')} up`
}

async function lookAtCompaction(thaw: string): Promise<string> {
  const { data } = (await json(`${thaw}/api/v1/status/compaction`)) as {
    readonly data: { readonly plannedAt: string | null }
  }
  if (data.plannedAt === null) throw new Error('there is no plan yet')
  return `planned at ${data.plannedAt}`
}

async function lookAtAlerts(alertmanager: string): Promise<string> {
  const alerts = (await json(`${alertmanager}/api/v2/alerts`)) as readonly {
    readonly labels: Readonly<Record<string, string>>
  }[]
  const names = alerts.map(({ labels }) => labels['alertname'])
  if (!names.includes('Watchdog')) throw new Error('Alertmanager was not told of the Watchdog')
  return `Alertmanager has ${names.join(', ')}`
}

async function lookAtDashboards(thaw: string): Promise<string> {
  const queries = queriesOf(await readDashboards())
  for (const { panel, query, instant } of queries) {
    const result = await ask(thaw, query, instant ? undefined : 300)
    if (result.length === 0) throw new Error(`nothing for ${panel}: ${query}`)
  }
  return `${queries.length} queries have something to show`
}

function grafanaStep(grafana: string, hint: string): Step {
  return {
    name: 'Grafana',
    hint,
    async look() {
      for (const uid of ['thaw', 'prometheus']) {
        const { status, message } = (await json(
          `${grafana}/api/datasources/uid/${uid}/health`,
        )) as { readonly status: string; readonly message: string }
        if (status !== 'OK') throw new Error(`data source ${uid}: ${message}`)
      }
      const dashboards = await readDashboards()
      for (const { uid } of dashboards) await json(`${grafana}/api/dashboards/uid/${uid}`)
      return `its data sources answer, ${dashboards.length} dashboards are there`
    },
  }
}

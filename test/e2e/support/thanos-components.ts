/** Thanos's ruler, receiver and store, each with data of its own. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { firstRemoteWriteRequest } from '#test/data/remote-write-request.ts'
import { answers, freePort, startServer } from '#test/peer/server.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import type { Endpoint } from './sidecar-world.ts'

const RULES = `groups:
- name: ruled
  interval: 1s
  rules:
  - {alert: Ruled, expr: 'app{host="1"} > 2', labels: {severity: page}, annotations: {summary: 'x'}}
  - {record: 'ruler:app:sum', expr: 'sum by (host) (app)'}
`

/** Evaluates over a querier. */
export async function startRuler(thanos: string, dir: string, queryUrl: string): Promise<Endpoint> {
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'rules.yml'), RULES)
  return start(thanos, 'rule', [
    `--data-dir=${join(dir, 'data')}`,
    `--rule-file=${join(dir, 'rules.yml')}`,
    `--query=${queryUrl}`,
    '--eval-interval=1s',
    '--label=ruler="one"',
    '--label=replica="r"',
    '--alert.label-drop=replica',
  ])
}

/** Has `received{host}` of the last ten minutes. */
export async function startReceiver(thanos: string, dir: string, nowMs: number): Promise<Endpoint> {
  const write = `127.0.0.1:${await freePort()}`
  const endpoint = await start(thanos, 'receive', [
    `--tsdb.path=${join(dir, 'receive')}`,
    `--remote-write.address=${write}`,
    '--label=receive="one"',
    '--label=replica="v"',
    '--tsdb.out-of-order.time-window=1h',
  ])
  const samples = Array.from({ length: 60 }, (_, i) => ({ t: nowMs - (60 - i) * 10_000, v: i * i }))
  const series = ['1', '2'].map((host) => ({
    labels: [
      ['__name__', 'received'],
      ['host', host],
    ] as const,
    samples,
  }))
  const answer = await fetch(`http://${write}/api/v1/receive`, {
    method: 'POST',
    body: firstRemoteWriteRequest(series),
    headers: {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
    },
  })
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  return endpoint
}

/** Has `stored{host}` of two replicas, two days ago. */
export async function startStore(
  thanos: string,
  dir: string,
  nowMs: number,
  flags: readonly string[] = [],
): Promise<Endpoint> {
  const bucketDir = join(dir, 'bucket')
  await mkdir(bucketDir, { recursive: true })
  const bucket = fileBucket(bucketDir)
  const endMs = nowMs - 48 * 3_600_000
  for (const [i, replica] of ['a', 'b'].entries()) {
    await putBlock(bucket, {
      id: testId(i),
      minTimeMs: endMs - 7_200_000,
      maxTimeMs: endMs,
      externalLabels: { cluster: 'old', replica },
      series: ['1', '2'].map((host) => ({
        labels: labels({ __name__: 'stored', host }),
        samples: every(15_000, endMs - 7_200_000, endMs, (t) => (t / 15_000) % 1000),
      })),
    })
  }
  return start(thanos, 'store', [
    `--data-dir=${join(dir, 'store')}`,
    `--objstore.config=type: FILESYSTEM\nconfig: {directory: ${JSON.stringify(bucketDir)}}\n`,
    ...flags,
  ])
}

async function start(
  thanos: string,
  component: string,
  args: readonly string[],
): Promise<Endpoint> {
  const address = `127.0.0.1:${await freePort()}`
  const http = `127.0.0.1:${await freePort()}`
  const server = await startServer({
    file: thanos,
    args: [
      component,
      `--grpc-address=${address}`,
      `--http-address=${http}`,
      '--log.level=error',
      ...args,
    ],
    ready: () => answers(`http://${http}/-/ready`),
  })
  return { address, stop: () => server.stop() }
}

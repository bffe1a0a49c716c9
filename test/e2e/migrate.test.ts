/** docs/migrate.md, step by step and back, with a real Prometheus and a real Thanos: nothing is shipped twice, nothing is lost, and both answer the same. */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { shellWords } from '#test/cli/bucket/operations-page.ts'
import { command, isMissing } from '#test/peer/cache.ts'
import { findPrometheus, type PrometheusServer, startPrometheus } from '#test/peer/prometheus.ts'
import { answers, freePort, type PeerServer, startServer } from '#test/peer/server.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { objstore, startThanos } from '#test/peer/thanos.ts'
import { type Ask, askUrl } from './support/ask.ts'
import { thawOver } from './support/thaw-app.ts'

const THANOS = process.env['THAW_THANOS']
const CLI = fileURLToPath(new URL('../../cli/launch.mjs', import.meta.url))
const PAGE = fileURLToPath(new URL('../../docs/migrate.md', import.meta.url))
/** Blocks of this length come soon enough for a test. */
const BLOCK_MS = 20_000

/** Every command of the page, and what this test does with it. */
const COMMANDS: Readonly<Record<string, 'run' | 'needs an account of AWS'>> = {
  'npx thaw bucket inspect': 'run',
  'npx thaw bucket verify': 'run',
  'npx thaw query': 'run',
  'npx thaw serve': 'run',
  'npx cdk deploy': 'needs an account of AWS',
  'npx thaw agent': 'run',
  'npx thaw bucket plan': 'run',
  'npx thaw rules check': 'run',
  'npx thaw rules push': 'run',
  'npx thaw rules ls': 'run',
  'npx thaw bucket ls': 'run',
  'aws s3 rm': 'needs an account of AWS',
}

describe('the page', () => {
  it('has no command that is not known here', async () => {
    const lines = await pageCommands()
    const names = lines.map(
      (line) =>
        /^(?:npx thaw (?:bucket |rules )?\w+|npx cdk \w+|aws s3 \w+)/.exec(line)?.[0] ?? line,
    )
    expect(names.toSorted().filter((name, i, all) => name !== all[i - 1])).toEqual(
      Object.keys(COMMANDS).toSorted(),
    )
  })
})

const prometheus = await findPrometheus()

if (THANOS === undefined)
  describeSkipped('from Thanos to thaw', { missing: 'THAW_THANOS does not name a Thanos' })
else if (isMissing(prometheus)) describeSkipped('from Thanos to thaw', prometheus)
else {
  describe('from Thanos to thaw, and back', () => {
    let root: string
    let bucketDir: string
    let dataDir: string
    let server: PrometheusServer
    const ends: (() => Promise<unknown>)[] = []

    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), 'thaw-migrate-'))
      bucketDir = join(root, 'bucket')
      dataDir = join(root, 'prometheus')
      await mkdir(bucketDir)
      await writeFile(join(root, 'bucket.yml'), objstore(bucketDir))
      await mkdir(join(root, 'rules'))
      await writeFile(
        join(root, 'rules/up.yml'),
        'groups: [{name: up, rules: [{record: up:sum, expr: sum(up)}]}]\n',
      )
      const port = await freePort()
      server = await startPrometheus({
        binary: prometheus.binary,
        dataDir,
        port,
        config: `global: {scrape_interval: 1s, external_labels: {cluster: eu, replica: a}}\nscrape_configs: [{job_name: self, static_configs: [{targets: ['127.0.0.1:${port}']}]}]\n`,
        flags: [
          `--storage.tsdb.min-block-duration=${BLOCK_MS}ms`,
          `--storage.tsdb.max-block-duration=${BLOCK_MS}ms`,
        ],
      })
      ends.push(() => server.stop())
    })

    afterAll(async () => {
      for (const end of ends.toReversed()) await end()
      if (root) await rm(root, { recursive: true, force: true })
    })

    const thaw = (line: string): Promise<string> =>
      command(process.execPath, [CLI, ...shellWords(line)], { cwd: root })

    it('is walked', { timeout: 600_000 }, async () => {
      // Thanos alone.
      let sidecar = await startSidecar(THANOS, server.url, dataDir, join(root, 'bucket.yml'))
      ends.push(() => sidecar.stop())
      await until(async () => (await blocks(bucketDir)).size >= 2)
      const byThanos = await blocks(bucketDir)

      // 1. Looking changes nothing.
      const before = await fingerprint(bucketDir)
      expect(await thaw('bucket inspect --objstore.config-file=bucket.yml')).toContain(
        [...byThanos.keys()][0],
      )
      await thaw('bucket verify --objstore.config-file=bucket.yml')
      expect(
        await thaw(
          "query 'count by (cluster) (up)' --objstore.config-file=bucket.yml --query.replica-label=replica --time=-40s",
        ),
      ).toContain('eu')
      const afterLooking = await fingerprint(bucketDir)
      const whole = [...before].filter(([path]) => !path.includes('.tmp'))
      expect(whole.map(([path]) => [path, afterLooking.get(path)])).toEqual(whole)
      const added = [...afterLooking.keys()].filter((path) => path.startsWith('thaw/'))
      expect(added.filter((path) => !path.startsWith('thaw/lookup/'))).toEqual([])

      // 2. Both answer the same.
      await expectEqualAnswers('beside Thanos')

      // 4. The agent goes on where the sidecar was.
      await sidecar.stop()
      const known = await blocks(bucketDir)
      const agentPort = await freePort()
      const agent = await startServer({
        file: process.execPath,
        args: [
          CLI,
          'agent',
          `--prometheus.url=${server.url}`,
          `--tsdb.path=${dataDir}`,
          '--objstore.config-file=bucket.yml',
          '--grpc-address=127.0.0.1:0',
          `--http-address=127.0.0.1:${agentPort}`,
          '--shipper.interval=2s',
        ],
        cwd: root,
        ready: () => answers(`http://127.0.0.1:${agentPort}/-/ready`),
      })
      ends.push(() => agent.stop())
      await until(async () => (await blocks(bucketDir)).size >= known.size + 2)
      await agent.stop()
      const byAgent = await blocks(bucketDir)
      for (const [id, hash] of known) expect([id, byAgent.get(id)]).toEqual([id, hash])
      await expectEveryBlockOnce()

      // 5. Either compacts what the other one shipped.
      expect(
        await thaw(
          'bucket plan --objstore.config-file=bucket.yml --retention.resolution-raw=30d --retention.resolution-5m=120d --retention.resolution-1h=1y',
        ),
      ).toMatch(/job|nothing to do/)
      await thaw('bucket compact --objstore.config-file=bucket.yml --consistency-delay=0s')
      await expectEqualAnswers('when thaw has compacted')

      // 6. Rules.
      expect(await thaw('rules check rules/up.yml')).toContain('SUCCESS: 1 rules found')
      await thaw('rules push rules --objstore.config-file=bucket.yml')
      expect(await thaw('rules ls --objstore.config-file=bucket.yml')).toContain('up.yml')

      // Back to the sidecar, and to Thanos's compactor.
      const kept = await blocks(bucketDir)
      sidecar = await startSidecar(THANOS, server.url, dataDir, join(root, 'bucket.yml'))
      await until(async () => (await blocks(bucketDir)).size > kept.size)
      await sidecar.stop()
      const again = await blocks(bucketDir)
      for (const [id, hash] of kept) expect([id, again.get(id)]).toEqual([id, hash])
      await expectEveryBlockOnce()
      await command(THANOS, [
        'compact',
        `--data-dir=${join(root, 'compact')}`,
        `--objstore.config-file=${join(root, 'bucket.yml')}`,
        '--consistency-delay=0s',
        '--http-address=127.0.0.1:0',
        '--log.level=error',
      ])

      // 7. Nothing of thaw is left, and nothing is missed.
      expect(await thaw('bucket ls --objstore.config-file=bucket.yml')).toContain(
        [...again.keys()].at(-1),
      )
      await rm(join(bucketDir, 'thaw'), { recursive: true, force: true })
      await expectEqualAnswers('when thaw is gone')
    })

    /** Thanos's store and querier, thaw over the same bucket, and Prometheus: the same counts of samples of what is in blocks. */
    async function expectEqualAnswers(when: string): Promise<void> {
      const workDir = await mkdtemp(join(root, 'thanos-'))
      const thanos = await startThanos({ binary: THANOS!, bucketDir, workDir })
      try {
        const metas = await Promise.all(
          [...(await blocks(bucketDir)).keys()].map((id) => readMeta(bucketDir, id)),
        )
        const endSeconds = Math.max(...metas.map(({ maxTime }) => maxTime)) / 1000 - 0.001
        const startSeconds = Math.min(...metas.map(({ minTime }) => minTime)) / 1000
        const ours = thawOver(fileBucket(bucketDir), { replicaLabels: ['replica'] })
        const peer = askUrl(thanos.urls.penalty)
        const own = askUrl(server.url)
        const range = { start: startSeconds, end: endSeconds, step: 1 }
        for (const query of [
          'up',
          'rate(prometheus_http_requests_total[10s])',
          'sum by (job) (go_goroutines)',
        ]) {
          const [a, b] = [await matrix(ours, query, range), await matrix(peer, query, range)]
          expect([when, query, a.length]).not.toEqual([when, query, 0])
          expect([when, query, a]).toEqual([when, query, b])
        }
        const seconds = Math.floor(endSeconds - startSeconds)
        const counted = ['up', 'go_goroutines', 'prometheus_http_requests_total']
          .map((metric) => `sum(count_over_time(${metric}[${seconds}s]))`)
          .join(' + ')
        const counts = await Promise.all(
          [ours, peer, own].map((ask) => single(ask, counted, endSeconds)),
        )
        expect([when, counts[0]]).toEqual([when, counts[1]])
        expect([when, counts[0]]).toEqual([when, counts[2]])
      } finally {
        await thanos.stop()
      }
    }

    /** By the level-1 blocks of Prometheus: each is in the bucket, in one block that is not marked. */
    async function expectEveryBlockOnce(): Promise<void> {
      const sources = new Map<string, number>()
      for (const id of (await blocks(bucketDir)).keys()) {
        const { compaction } = await readMeta(bucketDir, id)
        for (const source of compaction.sources) sources.set(source, (sources.get(source) ?? 0) + 1)
      }
      const shipped = JSON.parse(await readFile(join(dataDir, 'thanos.shipper.json'), 'utf8')) as {
        uploaded: string[]
      }
      expect(shipped.uploaded.map((id) => [id, sources.get(id)])).toEqual(
        shipped.uploaded.map((id) => [id, 1]),
      )
      expect([...sources.values()].every((count) => count === 1)).toBe(true)
    }
  })
}

async function startSidecar(
  binary: string,
  url: string,
  dataDir: string,
  config: string,
): Promise<PeerServer> {
  const http = `127.0.0.1:${await freePort()}`
  return startServer({
    file: binary,
    args: [
      'sidecar',
      `--prometheus.url=${url}`,
      `--tsdb.path=${dataDir}`,
      `--objstore.config-file=${config}`,
      `--grpc-address=127.0.0.1:${await freePort()}`,
      `--http-address=${http}`,
      '--prometheus.get_config_interval=1s',
      '--log.level=error',
    ],
    ready: () => answers(`http://${http}/-/ready`),
  })
}

async function pageCommands(): Promise<string[]> {
  const page = await readFile(PAGE, 'utf8')
  return [...page.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block]) =>
    block!.replaceAll('\\\n', ' ').trim().split('\n'),
  )
}

interface Meta {
  readonly minTime: number
  readonly maxTime: number
  readonly compaction: { readonly sources: readonly string[] }
}

async function readMeta(bucketDir: string, id: string): Promise<Meta> {
  return JSON.parse(await readFile(join(bucketDir, id, 'meta.json'), 'utf8')) as Meta
}

/** Whole ones that are not marked for deletion, each with when its index was written, so that one that is shipped again shows. */
async function blocks(bucketDir: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const id of await readdir(bucketDir)) {
    const files = id.length === 26 ? await readdir(join(bucketDir, id)) : []
    if (!files.includes('meta.json') || files.includes('deletion-mark.json')) continue
    found.set(id, String((await stat(join(bucketDir, id, 'index'))).mtimeMs))
  }
  return found
}

/** Of all blocks that are whole: paths and hashes of their files. */
async function fingerprint(bucketDir: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const whole = await blocks(bucketDir)
  for (const entry of await readdir(bucketDir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(bucketDir.length + 1)
    if (!entry.isFile() || (!whole.has(path.slice(0, 26)) && !path.startsWith('thaw/'))) continue
    found.set(
      path,
      createHash('sha256')
        .update(await readFile(join(bucketDir, path)))
        .digest('hex'),
    )
  }
  return found
}

interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly values: readonly (readonly [number, string])[]
}

async function matrix(
  ask: Ask,
  query: string,
  range: Readonly<Record<string, number>>,
): Promise<[string, unknown][]> {
  const { status, error, data } = await ask('query_range', { query, ...range })
  if (status !== 'success') throw new Error(`${query}: ${error}`)
  const { result } = data as { result: Series[] }
  return result
    .map(({ metric, values }): [string, unknown] => [
      Object.keys(metric)
        .toSorted()
        .map((name) => `${name}=${metric[name]}`)
        .join(),
      values,
    ])
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}

async function single(ask: Ask, query: string, time: number): Promise<string> {
  const { status, error, data } = await ask('query', { query, time })
  if (status !== 'success') throw new Error(`${query}: ${error}`)
  return (data as { result: { value: [number, string] }[] }).result[0]?.value[1] ?? 'nothing'
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 240_000
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error('it did not become so in four minutes')
    await sleep(1000)
  }
}

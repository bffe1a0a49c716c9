/** Makes the golden answers of Thanos: puts the world of test/store/thanos into a directory, has Thanos downsample it and asks Thanos. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { askUrl, type Ask } from '#test/e2e/support/ask.ts'
import { THANOS_CASES } from '#test/store/thanos/cases.ts'
import { OLD_BORDER_MS, OLD_RAW_IDS, putWorld } from '#test/store/thanos/world.ts'

const USAGE = 'node test/data/make-thanos.ts <thanos> <folder>'
const [thanos, folder] = process.argv.slice(2)
if (!thanos || !folder) {
  console.error(USAGE)
  process.exit(2)
}

const work = mkdtempSync(join(tmpdir(), 'thaw-thanos-'))
const bucketDir = join(work, 'bucket')
const config = `type: FILESYSTEM\nconfig: {directory: ${JSON.stringify(bucketDir)}}\n`
const servers: ChildProcess[] = []
try {
  mkdirSync(bucketDir)
  await putWorld(fileBucket(bucketDir))
  rmSync(join(bucketDir, '.thaw'), { recursive: true, force: true })
  await downsample()
  const asks = await start()
  const answers: string[] = []
  for (const { deduplication, frontend, path, params } of THANOS_CASES) {
    const ask = asks[frontend ? 'frontend' : deduplication]
    const { httpStatus, status, data, error, warnings } = await ask(path, params)
    const found = { deduplication, frontend, path, params, httpStatus, status, data, error, warnings }
    answers.push(JSON.stringify(found))
  }
  const { stdout, stderr } = spawnSync(thanos, ['--version'])
  const program = `${stdout}${stderr}`.split('\n', 1)[0]
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const text = `{"thanos":${JSON.stringify(program)},"cases":[\n${answers.join(',\n')}\n]}\n`
  writeFileSync(join(folder, 'answers.json.gz'), gzipSync(text, { level: 9 }))
  for (const id of downsampled()) cpSync(join(bucketDir, id), join(folder, id), { recursive: true })
} finally {
  for (const server of servers) server.kill('SIGKILL')
  rmSync(work, { recursive: true })
}

/** Blocks of 5m and, after the next turn, of 1h. Then some are taken away, as retention would: other resolutions stay. */
async function downsample(): Promise<void> {
  for (const expected of [4, 8]) {
    const args = ['tools', 'bucket', 'downsample', `--objstore.config=${config}`, `--data-dir=${join(work, 'downsample')}`]
    const port = await freePort()
    const run = spawn(thanos!, [...args, `--http-address=127.0.0.1:${port}`, '--log.level=warn'], { stdio: 'inherit' })
    await until('downsampling', () => downsampled().length >= expected)
    run.kill('SIGTERM')
    await new Promise((resolve) => run.once('exit', resolve))
  }
  for (const id of downsampled()) {
    const { minTime, thanos: { labels, downsample: { resolution } } } = metaOf(id)
    const isFirst = minTime < OLD_BORDER_MS
    const goes =
      labels.cluster === 'old'
        ? (resolution === 300_000) === isFirst
        : resolution === 3_600_000 && labels.replica === 'b'
    if (goes) rmSync(join(bucketDir, id), { recursive: true })
  }
  for (const id of OLD_RAW_IDS) rmSync(join(bucketDir, id), { recursive: true })
}

interface ThanosMeta {
  readonly minTime: number
  readonly thanos: {
    readonly labels: { readonly cluster?: string; readonly replica?: string }
    readonly downsample: { readonly resolution: number }
  }
}

function metaOf(id: string): ThanosMeta {
  return JSON.parse(readFileSync(join(bucketDir, id, 'meta.json'), 'utf8')) as ThanosMeta
}

function downsampled(): string[] {
  return readdirSync(bucketDir).filter(
    (id) => existsSync(join(bucketDir, id, 'meta.json')) && metaOf(id).thanos.downsample.resolution > 0,
  )
}

async function start(): Promise<Record<'penalty' | 'chain' | 'frontend', Ask>> {
  const grpc = await freePort()
  serve('store', await freePort(), [`--grpc-address=127.0.0.1:${grpc}`, `--objstore.config=${config}`, `--data-dir=${join(work, 'store')}`])
  const querier = async (func: string): Promise<string> => {
    const port = await freePort()
    serve('query', port, [
      `--grpc-address=127.0.0.1:${await freePort()}`,
      `--endpoint=127.0.0.1:${grpc}`,
      '--query.replica-label=replica',
      `--deduplication.func=${func}`,
    ])
    const url = `http://127.0.0.1:${port}`
    await until(`${func} querier`, async () => {
      const stores = await askUrl(url)('stores').catch(() => undefined)
      return Object.keys((stores?.data as object | undefined) ?? {}).length > 0
    })
    return url
  }
  const [penalty, chain] = [await querier('penalty'), await querier('chain')]
  const port = await freePort()
  // Not split: with penalty the parts would begin anew.
  serve('query-frontend', port, [`--query-frontend.downstream-url=${penalty}`, '--query-range.split-interval=0', '--no-query-range.align-range-with-step'])
  const frontend = `http://127.0.0.1:${port}`
  await until('frontend', () => fetch(`${frontend}/-/ready`).then(({ ok }) => ok, () => false))
  return { penalty: askUrl(penalty), chain: askUrl(chain), frontend: askUrl(frontend) }
}

function serve(component: string, http: number, args: readonly string[]): void {
  const all = [component, `--http-address=127.0.0.1:${http}`, '--log.level=error', ...args]
  servers.push(spawn(thanos!, all, { stdio: 'inherit' }))
}

async function until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (await done()) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`${what} does not end`)
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

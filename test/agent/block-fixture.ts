/** Data directories with blocks whose files begin and end as real ones do, and a Prometheus that answers over HTTP. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { crc32c } from '#lib/bytes/crc32c.ts'

export const HOUR = 3_600_000

const undo: (() => Promise<void>)[] = []

afterEach(async () => {
  while (undo.length > 0) await undo.pop()!()
})

/** An empty directory, gone after the test. */
export async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-agent-'))
  undo.push(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** `01AAAA…01`, `01AAAA…02` and so on. */
export function blockId(n: number): string {
  return `01${'A'.repeat(20)}${String(n).padStart(4, '0')}`
}

export interface BlockFacts {
  readonly minTime?: number | undefined
  readonly maxTime?: number | undefined
  readonly level?: number | undefined
  readonly sources?: readonly string[] | undefined
  readonly numSamples?: number | undefined
  readonly chunkFiles?: number | undefined
  readonly chunkFileSize?: number | undefined
  readonly thanos?: object | undefined
  readonly extra?: object | undefined
}

/** A 2h block number `n` of the directory: [n·2h, (n+1)·2h). Gives its id. */
export async function writeBlock(
  tsdbPath: string,
  n: number,
  facts: BlockFacts = {},
): Promise<string> {
  return writeBlockAs(tsdbPath, blockId(n), { minTime: n * 2 * HOUR, ...facts }, n)
}

/** A block of this id. */
export async function writeBlockAs(
  tsdbPath: string,
  ulid: string,
  facts: BlockFacts = {},
  seed = 0,
): Promise<string> {
  const { minTime = 0, level = 1, numSamples = 120, chunkFiles = 1 } = facts
  const dir = join(tsdbPath, ulid)
  await mkdir(join(dir, 'chunks'), { recursive: true })
  const meta = {
    ulid,
    minTime,
    maxTime: facts.maxTime ?? minTime + 2 * HOUR,
    stats: { numSamples, numSeries: 2, numChunks: 3 },
    compaction: { level, sources: facts.sources ?? [ulid] },
    version: 1,
    ...(facts.thanos && { thanos: facts.thanos }),
    ...facts.extra,
  }
  await writeFile(join(dir, 'meta.json'), `${JSON.stringify(meta, null, '\t')}\n`)
  await writeFile(join(dir, 'index'), indexBytes(seed))
  await writeFile(join(dir, 'tombstones'), 'not shipped')
  for (let file = 1; file <= chunkFiles; file++) {
    const name = String(file).padStart(6, '0')
    await writeFile(join(dir, 'chunks', name), chunkBytes(file, facts.chunkFileSize ?? 64))
  }
  return ulid
}

/** Magic, version, a body, and a table of contents with its checksum. */
export function indexBytes(seed: number): Buffer {
  const toc = Buffer.alloc(52, 1)
  toc.writeUInt32BE(crc32c(toc, 0, 48), 48)
  return Buffer.concat([Buffer.from('baaad70002', 'hex'), Buffer.alloc(64, seed & 0xff), toc])
}

export function chunkBytes(seed: number, size: number): Buffer {
  const bytes = Buffer.alloc(size, seed & 0xff)
  Buffer.from('85bd40dd01000000', 'hex').copy(bytes)
  return bytes
}

export interface FakePrometheus {
  readonly url: string
  /** What it answers; change it at will. */
  answers: Record<string, { status: number; body: string }>
  readonly requests: string[]
}

export const GOOD_FLAGS = {
  'storage.tsdb.min-block-duration': '2h',
  'storage.tsdb.max-block-duration': '2h',
}

export function apiAnswer(data: unknown): { status: number; body: string } {
  return { status: 200, body: JSON.stringify({ status: 'success', data }) }
}

export function configAnswer(yaml: string): { status: number; body: string } {
  return apiAnswer({ yaml })
}

/** Ready, with two-hour blocks and the external labels cluster and replica. */
export async function fakePrometheus(): Promise<FakePrometheus> {
  const requests: string[] = []
  const fake: FakePrometheus = {
    url: '',
    requests,
    answers: {
      '/-/ready': { status: 200, body: 'Prometheus Server is Ready.\n' },
      '/api/v1/status/flags': apiAnswer(GOOD_FLAGS),
      '/api/v1/status/buildinfo': apiAnswer({ version: '3.14.0' }),
      '/api/v1/status/config': configAnswer(
        'global:\n  external_labels:\n    cluster: eu\n    replica: a\n',
      ),
      '/metrics': { status: 200, body: 'prometheus_tsdb_lowest_timestamp_seconds 1.7e+09\n' },
    },
  }
  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    requests.push(path)
    const answer = fake.answers[path] ?? { status: 404, body: '404 page not found\n' }
    response.writeHead(answer.status).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  undo.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return Object.assign(fake, { url: `http://127.0.0.1:${port}` })
}

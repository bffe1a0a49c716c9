/**
 * How fast is a write-ahead log read, and how large are the packs that come of it? `node bench/fresh/wal.ts [series] [scrapes]`: a log of
 * counters and gauges at 15 s is made, then followed at 30 s, then taken up again as after a restart.
 */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LogSession } from '#agent/fresh/log-session.ts'
import { mergedPack } from '#lib/fresh/merged-pack.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { crc32c } from '#lib/bytes/crc32c.ts'
import { encodeSnappy } from '#lib/bytes/snappy.ts'

const SERIES = Number(process.argv[2] ?? 100_000)
const SCRAPES = Number(process.argv[3] ?? 20)
const METRICS = 500
/** As large as a target of the size of a node exporter. */
const SCRAPE_ROWS = 1000
const STEP_MS = 15_000
const BEGIN = 1_790_000_000_000
const PAGE_BYTES = 32_768

const tsdbPath = mkdtempSync(join(tmpdir(), 'thaw-bench-'))
mkdirSync(join(tsdbPath, 'wal'))
const path = join(tsdbPath, 'wal', '00000000')
let size = 0

/** One record, compressed, in fragments. */
function append(record: Uint8Array): void {
  const data = encodeSnappy(record)
  const out = new ByteWriter(data.length + 100)
  for (let at = 0; at < data.length || at === 0;) {
    let left = PAGE_BYTES - ((size + out.length) % PAGE_BYTES)
    if (left < 7) {
      for (; left > 0; left--) out.uint8(0)
      left = PAGE_BYTES
    }
    const part = data.subarray(at, at + left - 7)
    const ends = at + part.length === data.length
    const type = at === 0 ? (ends ? 1 : 2) : ends ? 4 : 3
    at += part.length
    out.uint8(type | 8)
    out.uint16(part.length)
    out.uint32(crc32c(part))
    out.append(part)
  }
  size += out.length
  appendFileSync(path, out.bytes())
}

function writeSeries(): void {
  for (let from = 0; from < SERIES; from += SCRAPE_ROWS) {
    const out = new ByteWriter()
    out.uint8(1)
    for (let ref = from; ref < Math.min(SERIES, from + SCRAPE_ROWS); ref++) {
      const pod = Math.floor(ref / METRICS)
      out.uint64(ref + 1)
      const labels = {
        __name__: `container_made_up_metric_${ref % METRICS}_total`,
        cluster_zone: `zone-${pod % 3}`,
        container: `app-${pod % 20}`,
        instance: `10.0.${pod >> 8}.${pod & 255}:9100`,
        job: 'kubelet',
        namespace: `team-${pod % 12}`,
        node: `ip-10-0-${pod % 40}.internal`,
        pod: `app-${pod % 20}-7d4b9c6f5-${(pod * 7919).toString(36)}`,
      }
      out.uvarint(8)
      for (const [name, value] of Object.entries(labels)) {
        out.string(name)
        out.string(value)
      }
    }
    append(out.bytes())
  }
}

function scrape(n: number): void {
  for (let from = 0; from < SERIES; from += SCRAPE_ROWS) {
    const t = BEGIN + n * STEP_MS + ((from * 37) % STEP_MS)
    const out = new ByteWriter()
    out.uint8(2)
    out.uint64(from + 1)
    out.uint64(t)
    for (let ref = from; ref < Math.min(SERIES, from + SCRAPE_ROWS); ref++) {
      out.varint(ref - from)
      out.varint(0)
      out.float64(valueOf(ref, n))
    }
    append(out.bytes())
  }
}

/** Half of them counters, a quarter that stand still, a quarter gauges of many digits. */
function valueOf(ref: number, n: number): number {
  if (ref % 4 === 0) return ref
  if (ref % 4 === 1) return ((ref * 7919 + n * 104_729) % 1_000_003) / 997
  return ref + n * (1 + (ref % 100))
}

/** Milliseconds of processor time. */
async function timed<T>(work: () => Promise<T> | T): Promise<[T, number]> {
  const before = process.cpuUsage()
  const result = await work()
  const { user, system } = process.cpuUsage(before)
  return [result, (user + system) / 1000]
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

try {
  writeSeries()
  const session = new LogSession({ tsdbPath, dropBeforeMs: -Infinity, maxBytes: Infinity })
  const [, seriesMs] = await timed(() => session.read())
  const [, orderMs] = await timed(() => session.table.order())
  console.log(`series   ${SERIES} in ${seriesMs.toFixed(0)} ms, sorted in ${orderMs.toFixed(0)} ms`)
  console.log(`         ${megabytes(session.table.byteLength)} in arrays`)

  const packs: Uint8Array[] = []
  let [readMs, flushMs, packBytes] = [0, 0, 0]
  for (let n = 0; n < SCRAPES; n += 2) {
    scrape(n)
    scrape(n + 1)
    readMs += (await timed(() => session.read()))[1]
    const note = session.note(BEGIN, undefined)
    const [pack, ms] = await timed(() => session.head.flush(session.table, note, async () => {}))
    flushMs += ms
    packBytes += pack.bytes.length
    packs.push(pack.bytes)
  }
  const samples = SERIES * SCRAPES
  const rate = (ms: number): string => `${(samples / ms / 1000).toFixed(1)} million samples/s`
  console.log(`read     ${rate(readMs)}`)
  console.log(`packed   ${rate(flushMs)}, ${(packBytes / samples).toFixed(1)} bytes a sample`)
  console.log(
    `         ${megabytes(packBytes / packs.length)} and ${((readMs + flushMs) / packs.length).toFixed(0)} ms each 30 s`,
  )
  const note = session.note(BEGIN, undefined)
  const [merged, mergeMs] = await timed(() => mergedPack(packs, note))
  console.log(
    `merged   ${packs.length} packs in ${mergeMs.toFixed(0)} ms, ${(merged.bytes.length / samples).toFixed(1)} bytes a sample`,
  )
  const again = new LogSession({ tsdbPath, dropBeforeMs: -Infinity, maxBytes: Infinity })
  const [, resumeMs] = await timed(() => again.resume({ resume: session.follower.position! }))
  console.log(`resumed  in ${resumeMs.toFixed(0)} ms, a log of ${megabytes(statSync(path).size)}`)
  console.log(`resident ${megabytes(process.resourceUsage().maxRSS * 1024)} at most`)
} finally {
  rmSync(tsdbPath, { recursive: true })
}

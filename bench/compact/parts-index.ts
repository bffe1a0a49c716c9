/** What the last step of a block of very many series finds: its parts' entries, as long as those of two weeks, without any chunks. */
import { mkdtemp } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { scanBlocks } from '#lib/blocks/scan.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { crc32c } from '#lib/bytes/crc32c.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { cutFolder, cutKey, formatCut, headKey, partFile } from '#lib/compact/parts/cut.ts'
import { encodeSummary } from '#lib/compact/parts/part-file.ts'
import { compareUtf8, type Labels } from '#lib/model/labels.ts'
import { SAMPLES_PER_CHUNK } from '#lib/tsdb/chunk/encode.ts'
import { segmentFileName } from '#lib/tsdb/chunk/chunk-frame.ts'
import { ChunkPlaces } from '#lib/tsdb/index/chunk-places.ts'
import { writeIndexHead } from '#lib/tsdb/index/index-head.ts'
import { SERIES_ALIGN, writeSeries } from '#lib/tsdb/index/series.ts'
import { columns, putBlock } from '#test/store/sample-block.ts'
import { BLOCK_MS, blockId, BLOCKS, seriesLabels, START_MS, STEP_MS } from './two-weeks.ts'

const ULID = '01KF0000000000000000000000'
const PARTS = 20
const SEGMENT_SIZE = 100
/** About what a chunk takes. */
const CHUNK_BYTES = 180

/** The directory of a bucket, which is the caller's to remove. */
export async function indexOfAMillion(seriesCount: number): Promise<string> {
  const root = fileURLToPath(new URL('../../.cache/bench/parts-index-', import.meta.url))
  const directory = await mkdtemp(root)
  const bucket = fileBucket(directory)
  const id = blockId(1)
  const input = { id, minTimeMs: START_MS, maxTimeMs: START_MS + BLOCKS * BLOCK_MS }
  const few = [{ labels: ['__name__', 'up'], samples: columns([[START_MS, 1]]) }]
  await putBlock(bucket, { ...input, series: few })
  const { blocks } = await scanBlocks(bucket, new Map())
  const cut = formatCut({
    version: 1,
    ulid: ULID,
    inputs: blocks,
    segmentSize: SEGMENT_SIZE,
    parts: Array.from({ length: PARTS }, (_, firstSegment) => {
      return { index: [[0, 0]], inputBytes: 0, firstSegment, segments: 1 }
    }),
  })
  await bucket.put(cutKey(ULID), cut)
  const series = seriesLabels(seriesCount)
  const symbols = ['', ...new Set(series.flat())].sort(compareUtf8)
  const head = new ByteWriter()
  writeIndexHead(head, symbols)
  await bucket.put(headKey(ULID), head.bytes())
  const refs = new Map(symbols.map((symbol, i) => [symbol, i]))
  for (let part = 0; part < PARTS; part++) {
    const from = Math.floor((part * series.length) / PARTS)
    const to = Math.floor(((part + 1) * series.length) / PARTS)
    const body = entriesOf(series.slice(from, to), refs, part)
    const path = segmentFileName(part)
    await bucket.put(`${ULID}/${path}`, new Uint8Array(SEGMENT_SIZE))
    const summary = encodeSummary({
      version: 1,
      cut: crc32c(cut),
      numSeries: to - from,
      numChunks: 0,
      numFloatSamples: 0,
      numHistogramSamples: 0,
      numWindows: 0,
      seriesMaxSize: 0,
      chunkMaxSize: 0,
      entriesSize: body.length,
      entriesChecksum: crc32c(body),
      files: [{ path, size: SEGMENT_SIZE }],
    })
    const key = `${cutFolder(ULID)}/${partFile(part)}`
    await bucket.put(key, Buffer.concat([body, summary]))
  }
  return directory
}

function entriesOf(
  series: readonly Labels[],
  refs: ReadonlyMap<string, number>,
  segment: number,
): Uint8Array {
  const out = new ByteWriter(1 << 28)
  const scratch = new ByteWriter()
  const places = new ChunkPlaces()
  let offset = 8
  for (const labels of series) {
    places.clear()
    const chunkMs = SAMPLES_PER_CHUNK * STEP_MS
    for (let t = START_MS; t < START_MS + BLOCKS * BLOCK_MS; t += chunkMs) {
      places.add(t, t + chunkMs - STEP_MS, segment, offset)
      offset = (offset + CHUNK_BYTES) % 0xffff_ff00
    }
    writeSeries(
      out,
      labels.map((symbol) => refs.get(symbol)!),
      places,
      scratch,
    )
    out.align(SERIES_ALIGN)
  }
  return out.bytes()
}

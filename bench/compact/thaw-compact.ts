/** Compacts all blocks of a directory but the newest into one, as a process of its own: `node thaw-compact.ts <directory> [penalty]`. Prints JSON. */
import { scanBlocks } from '#lib/blocks/scan.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { compactBlocks } from '#lib/compact/compact-blocks.ts'

const [directory, dedup] = process.argv.slice(2)
const { bucket, counts } = countingBucket(fileBucket(directory!))
const { blocks } = await scanBlocks(bucket, new Map())
const newest = Math.max(...blocks.map(({ minTimeMs }) => minTimeMs))
const chosen = blocks.filter(({ minTimeMs, id }) => minTimeMs < newest && id.startsWith('01KE'))
const before = { ...counts }
const startMs = performance.now()
const meta = await compactBlocks({
  bucket,
  blocks: chosen,
  ulid: '01KF0000000000000000000000',
  now: Date.now,
  ...(dedup === 'penalty' && { dedup: { func: 'penalty', replicaLabels: ['replica'] } }),
})
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
console.log(
  JSON.stringify({
    wallMs: performance.now() - startMs,
    cpuMs: (userCPUTime + systemCPUTime) / 1000,
    peakKb: maxRSS,
    bytesRead: counts.bytesRead - before.bytesRead,
    bytesWritten: counts.bytesWritten - before.bytesWritten,
    gets: counts.gets - before.gets,
    puts: counts.puts - before.puts,
    samples: meta?.stats.numSamples,
    series: meta?.stats.numSeries,
    ulid: meta?.ulid,
  }),
)

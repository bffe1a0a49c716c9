/** Downsamples the blocks of a resolution in a directory, as a process of its own: `node thaw-downsample.ts <directory> <to, ms>`. Prints JSON. */
import { scanBlocks } from '#lib/blocks/scan.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { downsampleBlock } from '#lib/compact/downsample/downsample-block.ts'
import { planDownsampling } from '#lib/compact/downsample/plan-downsampling.ts'

const [directory, to] = process.argv.slice(2)
const { bucket, counts } = countingBucket(fileBucket(directory!))
const { blocks } = await scanBlocks(bucket, new Map())
const { jobs } = planDownsampling(blocks, {
  nowMs: Date.now(),
  consistencyDelayMs: 0,
  retentionMs: { fiveMinutes: 0, oneHour: 0 },
})
const before = { ...counts }
const startMs = performance.now()
// Without what it takes to start: Thanos is a server, which has started.
const started = process.cpuUsage()
for (const [i, { block, resolutionMs }] of jobs.entries()) {
  if (resolutionMs !== Number(to)) continue
  const ulid = `01KG${to!.padStart(20, '0')}${String(i).padStart(2, '0')}`
  await downsampleBlock({ bucket, block, resolutionMs, ulid, now: Date.now })
}
const { user, system } = process.cpuUsage(started)
const { maxRSS } = process.resourceUsage()
console.log(
  JSON.stringify({
    wallMs: performance.now() - startMs,
    cpuMs: (user + system) / 1000,
    peakKb: maxRSS,
    bytesRead: counts.bytesRead - before.bytesRead,
    bytesWritten: counts.bytesWritten - before.bytesWritten,
  }),
)

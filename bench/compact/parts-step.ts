/** One step of a block made in parts, as a process of its own: `node parts-step.ts <directory> <ulid> cut <parts> | part <n> | finish`. Prints JSON. */
import { scanBlocks } from '#lib/blocks/scan.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { cutBlocks } from '#lib/compact/parts/cut-blocks.ts'
import { deleteCut, finishParts } from '#lib/compact/parts/finish-parts.ts'
import { writePart } from '#lib/compact/parts/write-part.ts'

const [directory = '', ulid = '', step, number = '0'] = process.argv.slice(2)
const { bucket, counts } = countingBucket(fileBucket(directory))

/** What the report says of the step. */
async function run(): Promise<unknown> {
  if (step === 'part') return writePart({ bucket, ulid, part: Number(number) })
  if (step === 'finish') {
    const outcome = await finishParts({ bucket, ulid, now: Date.now })
    if (outcome.status === 'done') await deleteCut(bucket, ulid)
    return outcome
  }
  const { blocks } = await scanBlocks(bucket, new Map())
  return cutBlocks({ bucket, blocks, ulid, parts: Number(number) })
}

const startMs = performance.now()
const result = await run()
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
console.log(
  JSON.stringify({
    wallMs: performance.now() - startMs,
    cpuMs: (userCPUTime + systemCPUTime) / 1000,
    peakKb: maxRSS,
    counts,
    result,
  }),
)

/** Makes the golden answers of Thanos: puts the world of test/store/thanos into a directory, has Thanos downsample it and asks Thanos. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { askUrl } from '#test/e2e/support/ask.ts'
import { blockMetas, downsampleBucket, startThanos } from '#test/peer/thanos.ts'
import { THANOS_CASES } from '#test/store/thanos/cases.ts'
import { OLD_BORDER_MS, OLD_RAW_IDS, putWorld } from '#test/store/thanos/world.ts'

const USAGE = 'node test/data/make-thanos.ts <thanos> <folder>'
const [binary, folder] = process.argv.slice(2)
if (!binary || !folder) {
  console.error(USAGE)
  process.exit(2)
}

const workDir = mkdtempSync(join(tmpdir(), 'thaw-thanos-'))
const bucketDir = join(workDir, 'bucket')
const settings = { binary, bucketDir, workDir }
try {
  mkdirSync(bucketDir)
  await putWorld(fileBucket(bucketDir))
  await downsampleBucket(settings)
  await retain()
  const { urls, stop } = await startThanos(settings)
  const answers: string[] = []
  for (const { deduplication, frontend, path, params } of THANOS_CASES) {
    const ask = askUrl(urls[frontend ? 'frontend' : deduplication])
    const { httpStatus, status, data, error, warnings } = await ask(path, params)
    const found = { deduplication, frontend, path, params, httpStatus, status, data, error, warnings }
    answers.push(JSON.stringify(found))
  }
  await stop()
  const { stdout, stderr } = spawnSync(binary, ['--version'])
  const program = `${stdout}${stderr}`.split('\n', 1)[0]
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const text = `{"thanos":${JSON.stringify(program)},"cases":[\n${answers.join(',\n')}\n]}\n`
  writeFileSync(join(folder, 'answers.json.gz'), gzipSync(text, { level: 9 }))
  for (const { ulid, thanos } of await blockMetas(bucketDir)) {
    if (thanos.downsample.resolution > 0) cpSync(join(bucketDir, ulid), join(folder, ulid), { recursive: true })
  }
} finally {
  rmSync(workDir, { recursive: true })
}

/** Takes some blocks away, as retention would: other resolutions stay. */
async function retain(): Promise<void> {
  for (const { ulid, minTime, thanos } of await blockMetas(bucketDir)) {
    const { resolution } = thanos.downsample
    const isFirst = minTime < OLD_BORDER_MS
    const goes =
      thanos.labels['cluster'] === 'old'
        ? OLD_RAW_IDS.includes(ulid) || (resolution > 0 && (resolution === 300_000) === isFirst)
        : resolution === 3_600_000 && thanos.labels['replica'] === 'b'
    if (goes) rmSync(join(bucketDir, ulid), { recursive: true })
  }
}

/** Makes the golden blocks of Thanos's downsampling: puts the block of test/compact/downsample into a directory and has Thanos downsample it. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { agreedSeries, putRaw } from '#test/compact/downsample/world.ts'
import { blockMetas, downsampleBucket } from '#test/peer/thanos.ts'

const USAGE = 'node test/data/make-downsampled.ts <thanos> <folder>'
const [binary, folder] = process.argv.slice(2)
if (!binary || !folder) {
  console.error(USAGE)
  process.exit(2)
}

const workDir = mkdtempSync(join(tmpdir(), 'thaw-downsampled-'))
const bucketDir = join(workDir, 'bucket')
try {
  mkdirSync(bucketDir)
  await putRaw(fileBucket(bucketDir), agreedSeries())
  await downsampleBucket({ binary, bucketDir, workDir })
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const { ulid, thanos } of await blockMetas(bucketDir)) {
    if (thanos.downsample.resolution > 0) cpSync(join(bucketDir, ulid), join(folder, ulid), { recursive: true })
  }
  const { stdout, stderr } = spawnSync(binary, ['--version'])
  writeFileSync(join(folder, 'version'), `${`${stdout}${stderr}`.split('\n', 1)[0]!}\n`)
} finally {
  rmSync(workDir, { recursive: true })
}

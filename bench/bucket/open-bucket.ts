/** How long it takes from process start to an open bucket: a directory, which loads no SDK, against S3, which does. */
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'

const path = fileURLToPath(new URL('../../lib/aws/open-bucket.ts', import.meta.url))

const configs = {
  directory: { type: 'FILESYSTEM', directory: tmpdir(), prefix: '', ignored: [] },
  s3: { type: 'S3', s3: { bucket: 'b', region: 'us-east-1' }, prefix: '', ignored: [] },
}

for (const [name, config] of Object.entries(configs)) {
  const program = `
    const { openBucket } = await import(${JSON.stringify(path)})
    await openBucket(${JSON.stringify(config)})
    process.stdout.write(String(performance.now()))`
  const times = Array.from({ length: 11 }, () =>
    Number(
      execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
        encoding: 'utf8',
      }),
    ),
  ).sort((a, b) => a - b)
  console.log(
    `${name}: median ${times[5]?.toFixed(0)} ms, ${times[0]?.toFixed(0)}..${times[10]?.toFixed(0)} ms`,
  )
}

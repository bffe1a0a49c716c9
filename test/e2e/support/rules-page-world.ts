/** The directory that the examples of docs/rules.md are run in: the files that the page shows, and a bucket in which an instance is down. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { compareLabels, labelsFrom } from '#lib/model/labels.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { columns } from '#test/store/sample-block.ts'
import { putPack } from '#test/store/put-pack.ts'

const STEP = 15_000
const MINUTE = 60_000

/** Every yaml block that is introduced by its name in backquotes. */
export function filesOf(page: string): Map<string, string> {
  const found = page.matchAll(/`([\w.-]+\.ya?ml)`[^`\n]*:\n\n```yaml\n(.*?)^```$/gms)
  return new Map([...found].map(([, name, text]) => [name!, text!]))
}

/** `a:1` is down since `downMs`. */
export async function makeRulesWorld(
  dir: string,
  files: ReadonlyMap<string, string>,
  { nowMs, downMs }: { readonly nowMs: number; readonly downMs: number },
): Promise<void> {
  for (const [name, text] of files) await writeFile(join(dir, name), text)
  await mkdir(join(dir, 'bucket'))
  const bucket = fileBucket(join(dir, 'bucket'))
  const times: number[] = []
  for (let t = nowMs - 20 * MINUTE; t <= nowMs - 5000; t += STEP) times.push(t)
  const one = (labels: Record<string, string>, valueAt: (t: number, i: number) => number) => ({
    labels: labelsFrom(labels),
    chunks: encodeChunks(columns(times.map((t, i) => [t, valueAt(t, i)]))),
  })
  const series = [
    ...['a:1', 'b:1'].map((instance) =>
      one({ __name__: 'up', job: 'api', instance }, (t) =>
        instance === 'a:1' && t >= downMs ? 0 : 1,
      ),
    ),
    one({ __name__: 'http_requests_total', job: 'api', instance: 'b:1' }, (_t, i) => 30 * i),
  ].toSorted((a, b) => compareLabels(a.labels, b.labels))
  await putPack(bucket, { from: 0, to: 1, external: { cluster: 'eu' } }, { series })
  await updateBucketIndex(bucket, { now: () => nowMs })
}

/** One local process of thaw over a directory: the query function's parts behind Node's HTTP server. Argument: the directory. */
import { apiApp } from '#lib/api/app.ts'
import { listen } from '#lib/api/node-server.ts'
import { DEFAULT_LIMITS, DEFAULT_SCOPE } from '#lib/api/parts.ts'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { slicedBackend } from '#lib/query/sliced-backend.ts'
import { StoreCache } from '#lib/store/store-cache.ts'

const bucket = fileBucket(process.argv[2]!)
const backend = slicedBackend({
  bucket,
  index: new BucketIndexReader(bucket, { now: Date.now, maxAgeMs: 5000 }),
  cache: new StoreCache(256 * 1024 * 1024),
  now: Date.now,
  // A lone process: slices that would run one after the other in it are no gain.
  cut: { sliceBytes: Infinity, maxSlices: 1 },
  concurrency: 1,
})
const build = {
  version: '3.14.0',
  revision: '',
  branch: '',
  buildUser: '',
  buildDate: '',
  goVersion: process.version,
}
const server = await listen(
  apiApp({
    backend,
    now: Date.now,
    startedMs: Date.now(),
    build,
    engine: DEFAULT_ENGINE_OPTIONS,
    scope: DEFAULT_SCOPE,
    limits: DEFAULT_LIMITS,
  }),
  { host: '127.0.0.1', port: 0 },
)
process.stdout.write(`${server.url}\n`)
// Ends with whoever started it.
process.stdin.resume().on('end', () => process.exit(0))

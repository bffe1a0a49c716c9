/** thaw's HTTP API over a bucket, in a process of its own. Argument: the bucket's configuration, Thanos's YAML. */
import { bucketApp } from '#cli/bucket-app.ts'
import { listen } from '#lib/api/node-server.ts'
import { querySettings } from '#lib/lambda/query-flags.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'

const { app } = await bucketApp({
  config: parseObjstoreConfig(process.argv[2]!, process.env),
  workers: 0,
  sliceBytes: 4 * 1024 * 1024,
  settings: querySettings([]),
  keptBytes: 0,
  now: Date.now,
})
const server = await listen(app, { host: '127.0.0.1', port: Number(process.argv[3]) })
process.stdout.write(`${server.url}\n`)

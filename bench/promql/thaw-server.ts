/**
 * One local process of thaw over a directory, behind Node's HTTP server. Arguments: the directory, worker threads, and the
 * file that a worker runs, where it is bundled.
 */
import { pathToFileURL } from 'node:url'
import { bucketApp } from '#cli/bucket-app.ts'
import { listen } from '#lib/api/node-server.ts'
import { querySettings } from '#lib/lambda/query-flags.ts'

const [directory = '.', workers = '0', worker] = process.argv.slice(2)
const { app } = await bucketApp({
  config: { type: 'FILESYSTEM', directory, prefix: '', ignored: [] },
  workers: Number(workers),
  // Threads that run already pay from a few milliseconds of work on.
  sliceBytes: 128 * 1024,
  settings: querySettings([]),
  keptBytes: 0,
  now: Date.now,
  workerEntry: worker === undefined ? undefined : pathToFileURL(worker),
})
const server = await listen(app, { host: '127.0.0.1', port: 0 })
process.stdout.write(`${server.url}\n`)
// Ends with whoever started it.
process.stdin.resume().on('end', () => process.exit(0))

/** How large is each function's bundle, and how long is it from the start of a process until its handler is ready? */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

import { bundleFunction } from '#infra/bundle.ts'
import { ExecutionEnvironment } from '#localstack/cloud/environment.ts'
import { functionArn, LATEST } from '#localstack/cloud/function-name.ts'
import { Keeper } from '#localstack/cloud/keeper.ts'

const RUNS = 15
const FUNCTIONS = fileURLToPath(new URL('../functions/', import.meta.url))

const directory = mkdtempSync(join(tmpdir(), 'thaw-cold-start-'))
const keeper = new Keeper()

async function startOnce(name: string, codeDir: string): Promise<number> {
  const environment = new ExecutionEnvironment({
    spec: {
      id: name,
      name,
      version: LATEST,
      codeHash: '',
      arn: functionArn(name),
      codeDir,
      handler: 'index.handler',
      memoryMb: 1769,
      timeoutMs: 29_000,
      environment: {
        THAW_OBJSTORE_CONFIG:
          'type: S3\nconfig:\n  bucket: b\n  endpoint: 127.0.0.1:1\n  insecure: true\n',
        THAW_STORE_FUNCTION: 'thaw-store',
      },
      logFormat: 'JSON',
      logLevel: 'INFO',
    },
    environment: {},
    keeper,
    log: (_name, line) => console.error(line),
  })
  const startMs = performance.now()
  const failure = await environment.start()
  const durationMs = performance.now() - startMs
  await environment.stop()
  if (failure !== undefined) throw new Error(Buffer.from(failure.payload).toString())
  return durationMs
}

async function report(name: string, codeDir: string): Promise<void> {
  const files = readdirSync(codeDir).map((file) => readFileSync(join(codeDir, file)))
  const entry = readFileSync(join(codeDir, 'index.mjs'))
  const all = Buffer.concat(files)
  const times: number[] = []
  for (let run = 0; run < RUNS; run++) times.push(await startOnce(name, codeDir))
  times.sort((a, b) => a - b)
  const ms = (place: number): string => `${times[Math.floor(place * (RUNS - 1))]?.toFixed(1)} ms`
  console.log(
    `${name.padEnd(8)} ready in ${ms(0.5)} (${ms(0)} to ${ms(1)}), ` +
      `${kilobytes(all)} in ${files.length} files, ${kilobytes(gzipSync(all))} gzipped, entry ${kilobytes(entry)}`,
  )
}

function kilobytes(bytes: Uint8Array): string {
  return `${(bytes.length / 1000).toFixed(0)} kB`
}

try {
  const empty = join(directory, 'empty.ts')
  writeFileSync(empty, 'export const handler = async () => 1\n')
  const entries: [string, string][] = [['empty', empty]]
  const named = process.argv.slice(2)
  for (const name of named.length > 0 ? named : ['query', 'store', 'plan'])
    entries.push([name, join(FUNCTIONS, `${name}.ts`)])
  for (const [name, entry] of entries) {
    if (!existsSync(entry)) continue
    const codeDir = bundleFunction({ entry, mapsDir: join(directory, 'maps', name) })
    try {
      await report(name, codeDir)
    } finally {
      rmSync(codeDir, { recursive: true })
    }
  }
} finally {
  await keeper.close()
  rmSync(directory, { recursive: true })
}
